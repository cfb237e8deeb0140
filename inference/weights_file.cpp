#include "inference/weights_file.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/json.hpp"

namespace dnsp {

using nlohmann::json;

std::string tensor_name(const ParameterStore::Parameter& parameter) {
    return parameter.group == ParameterGroup::filters ? parameter.name : "model." + parameter.name;
}

std::string first_moment_name(const std::string& parameter) { return "adam.m." + parameter; }
std::string second_moment_name(const std::string& parameter) { return "adam.v." + parameter; }

WeightsFile::WeightsFile(std::filesystem::path path)
    : path_(std::move(path)), file_(read_safetensors(path_)) {
    const auto kind = file_.metadata.find("dnsp.kind");
    if (kind == file_.metadata.end() || (kind->second != "weights" && kind->second != "checkpoint"))
        fail("is a safetensors file, but not of this project (no dnsp.kind in its metadata)");
    try {
        settings_ = json::parse(metadata("dnsp.settings"));
        for (const json& held_out : json::parse(metadata("dnsp.held_out"))) {
            std::vector<int> slices;
            for (const json& slice : held_out.at("slices")) slices.push_back(whole_number<int>(slice));
            held_out_.push_back({held_out.at("file"), std::move(slices)});
        }
        if (const auto seen = file_.metadata.find("dnsp.seen"); seen != file_.metadata.end())
            seen_ = seen_scans_of(json::parse(seen->second));
    } catch (const std::exception& error) {
        fail(fmt::format("its metadata cannot be understood ({})", error.what()));
    }
    if (!settings_.is_object() || !settings_.contains("model")) fail("its metadata lacks the model");
}

void WeightsFile::fail(const std::string& reason) const { throw Error(path_.string() + ": " + reason); }

const std::string* WeightsFile::find_metadata(const std::string& key) const {
    const auto found = file_.metadata.find(key);
    return found == file_.metadata.end() ? nullptr : &found->second;
}

const std::string& WeightsFile::metadata(const std::string& key) const {
    const std::string* found = find_metadata(key);
    if (found == nullptr) fail(fmt::format("its metadata lacks '{}'", key));
    return *found;
}

void WeightsFile::read_with(const json& part, const std::function<void(OptionVisitor&)>& visit,
                            Unknown unknown) const {
    std::string unknown_key;
    try {
        OptionReader reader(part);
        visit(reader);
        unknown_key = reader.unknown_key();
    } catch (const Error& error) {
        fail(fmt::format("its metadata cannot be understood ({})", error.what()));
    }
    if (unknown == Unknown::refuse && !unknown_key.empty())
        fail(fmt::format("unknown setting '{}' (written by DNSP {}, this is DNSP {})", unknown_key,
                         metadata("dnsp.version"), DNSP_VERSION));
}

const Tensor* WeightsFile::find(const std::string& name) {
    known_.insert(name);
    const auto found = file_.tensors.find(name);
    return found == file_.tensors.end() ? nullptr : &found->second;
}

void WeightsFile::restore(const std::string& name, const Tensor& target) {
    const Tensor* source = find(name);
    if (!source) fail(fmt::format("lacks the tensor '{}'", name));
    if (!(source->shape() == target.shape()) || source->dtype() != target.dtype())
        fail(fmt::format("tensor '{}' expected {} {}, got {} {}", name, to_string(target.dtype()),
                         target.shape().text(), to_string(source->dtype()), source->shape().text()));
    dispatch(source->dtype(), [&]<class T>() {
        for (T value : source->to_vector<T>())
            if (!std::isfinite(value)) fail(fmt::format("tensor '{}' holds NaN or Inf", name));
    });
    target.copy_from(*source);
}

void WeightsFile::require_no_other_tensors() const {
    for (const auto& [name, tensor] : file_.tensors)
        if (!known_.contains(name)) fail(fmt::format("holds the unknown tensor '{}'", name));
}

}  // namespace dnsp
