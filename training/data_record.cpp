#include "training/data_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/counted.hpp"
#include "base/error.hpp"

namespace dnsp {
namespace {

std::string file_name(const std::string& path) { return std::filesystem::path(path).filename().string(); }

bool has_content(const Subject& subject, const DataFile& recorded) {
    return subject.content == recorded.content && subject.low_content == recorded.low_content;
}

/// The subject of a recorded file, taken out of the list. One of the same name is preferred among equals.
Subject take(std::vector<Subject>& subjects, const DataFile& recorded) {
    auto found = subjects.end();
    for (auto it = subjects.begin(); it != subjects.end(); ++it)
        if (has_content(*it, recorded) && (found == subjects.end() || file_name(it->path) == recorded.file))
            found = it;
    if (found == subjects.end()) {
        for (const Subject& subject : subjects)
            require(file_name(subject.path) != recorded.file,
                    fmt::format("{}: its voxels differ from those of the {} that the run was trained with",
                                subject.path, recorded.file));
        throw Error(
            fmt::format("{}: the run was trained with this file, and none of the given ones has its voxels",
                        recorded.file));
    }
    Subject subject = std::move(*found);
    subjects.erase(found);
    return subject;
}

}  // namespace

DataRecord data_record(const Split& split) {
    DataRecord record;
    for (const Subject& subject : split.training)
        record.push_back({file_name(subject.path), subject.content, subject.low_content, true, false});
    for (const Subject& subject : split.validation) {
        const bool both =
            record.size() == 1 && split.validation.size() == 1 && subject.path == split.training.front().path;
        if (both)
            record.front().validates = true;
        else
            record.push_back({file_name(subject.path), subject.content, subject.low_content, false, true});
    }
    return record;
}

nlohmann::json to_json(const DataRecord& record) {
    auto json = nlohmann::json::array();
    for (const DataFile& file : record)
        json.push_back({{"file", file.file},
                        {"content", file.content},
                        {"low_content", file.low_content},
                        {"trains", file.trains},
                        {"validates", file.validates}});
    return json;
}

DataRecord data_record_of(const nlohmann::json& json) {
    DataRecord record;
    for (const auto& file : json)
        record.push_back({file.at("file"), file.at("content"), file.at("low_content"), file.at("trains"),
                          file.at("validates")});
    return record;
}

Split recorded_split(std::vector<Subject> subjects, const DataRecord& record) {
    Split split;
    std::string names;
    for (const DataFile& recorded : record) {
        Subject subject = take(subjects, recorded);
        if (recorded.trains && recorded.validates) {
            std::erase_if(subjects, [&](const Subject& copy) { return has_content(copy, recorded); });
            require(subjects.empty(), (subjects.empty() ? "" : subjects.front().path) +
                                          ": is not among the data that the run was trained with");
            std::vector<Subject> single;
            single.push_back(std::move(subject));
            return split_subjects(std::move(single), 0);
        }
        if (recorded.validates) {
            split.held_out.push_back({file_name(subject.path), {}});
            names += (names.empty() ? "" : ", ") + file_name(subject.path);
        }
        (recorded.trains ? split.training : split.validation).push_back(std::move(subject));
    }
    require(subjects.empty(), (subjects.empty() ? "" : subjects.front().path) +
                                  ": is not among the data that the run was trained with");
    split.description = fmt::format("the split of the run: {} train, {} held out ({})",
                                    counted(split.training.size(), "file"), split.validation.size(), names);
    return split;
}

}  // namespace dnsp
