#include "training/person.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <set>

#include "base/error.hpp"
#include "base/file_reader.hpp"
#include "imaging/file_names.hpp"
#include "imaging/picture.hpp"

namespace dnsp {
namespace {

namespace fs = std::filesystem;

// Words of file names that do not identify a person, in lower case.
const std::set<std::string> contrast_words = {
    "t1",   "t1w",    "t1c",   "t1ce", "t1gd",  "t1n",     "t2",      "t2w",      "t2f",     "t2s", "t2star",
    "pd",   "pdw",    "flair", "dwi",  "dti",   "adc",     "swi",     "gd",       "ce",      "mra", "tof",
    "bold", "mprage", "spgr",  "gre",  "fspgr", "mp2rage", "unit1",   "inv1",     "inv2",    "tse", "fse",
    "stir", "bravo",  "space", "mr",   "3t",    "7t",      "axial",   "sagittal", "coronal", "ax",  "sag",
    "cor",  "tra",    "low",   "high", "hires", "lowres",  "t2starw", "mprag",    "memprage"};
/// A number that follows, as in run-1, ses2 and mpr-1, belongs to the word.
const std::set<std::string> session_words = {"ses",      "session",   "run",  "rep",  "repeat",
                                             "visit",    "tp",        "mpr",  "echo", "baseline",
                                             "followup", "timepoint", "slice"};
const std::set<std::string> processing_words = {
    "brain",  "anon", "defaced",   "deface",     "bet",      "ss",      "stripped",  "skullstripped",
    "n4",     "bias", "corrected", "norm",       "reg",      "coreg",   "mni",       "registered",
    "mni152", "t88",  "gfc",       "sbj",        "masked",   "raw",     "orig",      "normalised",
    "warped", "iso",  "resampled", "reoriented", "denoised", "preproc", "processed", "normalized"};
/// Folders that say nothing about the person; in file names these words count.
const std::set<std::string> folder_words = {"anat", "func", "nifti", "nii",   "mri",    "dicom",
                                            "data", "scan", "scans", "image", "images", "unprocessed"};

bool has_digit(const std::string& text) {
    return std::any_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}
bool is_number(const std::string& text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<std::string> words_of(const std::string& name) {
    std::vector<std::string> words(1);
    for (const char c : name) {
        if (c == '_' || c == '-' || c == '.' || c == ' ')
            words.emplace_back();
        else
            words.back() += c;
    }
    std::erase(words, "");
    return words;
}

/// A name without words for contrast, session, run and processing, joined by "_"; may be empty.
std::string identifying_part(const std::string& name) {
    std::string kept;
    enum class Before { identifier, word, session } before = Before::identifier;
    for (const std::string& word : words_of(name)) {
        const std::string lower = imaging::lower_case(word);
        const std::string stem = lower.substr(0, lower.find_last_not_of("0123456789") + 1);
        const bool numbered = stem.size() < lower.size();
        if (is_number(word)) {
            const bool belongs = before == Before::session || (before == Before::word && has_digit(kept));
            before = Before::identifier;
            if (belongs) continue;
        } else if (session_words.contains(stem) || (numbered && stem == "mr")) {
            before = numbered ? Before::word : Before::session;
            continue;
        } else if (contrast_words.contains(lower) || processing_words.contains(lower)) {
            before = Before::word;
            continue;
        } else {
            before = Before::identifier;
        }
        kept += (kept.empty() ? "" : "_") + word;
    }
    return kept;
}

/// "p1_12" → "p1": a picture shows one slice, and its number stands last.
std::string without_slice_number(const std::string& label) {
    const auto last = label.rfind('_');
    return last != std::string::npos && is_number(label.substr(last + 1)) ? label.substr(0, last) : label;
}

/// True if all words of a folder's name are words for contrasts.
bool named_after_contrast(const std::string& folder) {
    const auto words = words_of(folder);
    return !words.empty() && std::all_of(words.begin(), words.end(), [](const std::string& word) {
        return contrast_words.contains(imaging::lower_case(word));
    });
}

/// The path from the root, without resolving links: files of git-annex are links to other names.
fs::path full_path(const std::string& path) { return fs::absolute(path).lexically_normal(); }

std::vector<fs::path> folders_above(const fs::path& path) {  // the nearest first
    std::vector<fs::path> folders;
    for (fs::path folder = path.parent_path(); folder.has_filename(); folder = folder.parent_path())
        folders.push_back(folder);
    return folders;
}

std::optional<std::string> match_of(const std::string& text, const std::regex& pattern) {
    std::smatch match;
    if (!std::regex_search(text, match, pattern)) return std::nullopt;
    const std::string person = match[match.size() > 1 ? 1 : 0].str();
    return person.empty() ? std::nullopt : std::optional(person);
}

std::string by_pattern(const std::string& path, const std::string& pattern) {
    std::optional<std::string> person;
    try {
        const std::regex regex(pattern);
        person = match_of(fs::path(path).filename().string(), regex);
        if (!person) person = match_of(path, regex);
    } catch (const std::regex_error&) {
        throw Error("--subject-of " + pattern + ": is not a valid regular expression");
    }
    require(person.has_value(),
            fmt::format("{}: --subject-of {} matches nothing in its name and path", path, pattern));
    return *person;
}

/// "sub-LABEL" of the name or of the nearest folder that has it; empty if there is none.
std::string bids_subject(const fs::path& path) {
    static const std::regex in_file("(?:^|_)(sub-[A-Za-z0-9]+)"), in_folder("^(sub-[A-Za-z0-9]+)");
    if (const auto found = match_of(path.filename().string(), in_file)) return *found;
    for (const fs::path& folder : folders_above(path))
        if (const auto found = match_of(folder.filename().string(), in_folder)) return *found;
    return {};
}

bool describes_data_set(const fs::path& folder) {
    const fs::path file = folder / "dataset_description.json";
    if (!fs::is_regular_file(file)) return false;
    const auto json = nlohmann::json::parse(read_text(file), nullptr, false);
    const auto type = json.is_object() ? json.find("DatasetType") : json.end();
    return !json.is_object() || type == json.end() || *type != "derivative";
}

struct DataSet {
    std::string identity;  ///< empty: unknown
    std::string name;
};

DataSet data_set_of(const fs::path& path) {
    static const std::regex accession("^(ds[0-9]{6})(?![0-9])");
    const auto folders = folders_above(path);
    for (const fs::path& folder : folders)
        if (const auto found = match_of(folder.filename().string(), accession)) return {*found, *found};
    for (const fs::path& folder : folders)
        if (describes_data_set(folder)) return {folder.string(), folder.filename().string()};
    return {};
}

/// The person that a folder is named after.
std::string person_of_folder(const fs::path& path) {
    const auto folders = folders_above(path);
    for (const fs::path& folder : folders) {
        std::string kept = identifying_part(folder.filename().string());
        if (!kept.empty() && !folder_words.contains(imaging::lower_case(kept))) return kept;
    }
    return folders.empty() ? path.string() : folders.front().filename().string();
}

/// Labels by BIDS. A data set is named where it is needed to tell persons apart.
void label_by_bids(const std::vector<fs::path>& paths, std::vector<std::string>& labels) {
    std::map<std::string, std::vector<std::size_t>> files_of;
    for (std::size_t i = 0; i < paths.size(); ++i)
        if (const std::string subject = bids_subject(paths[i]); !subject.empty())
            files_of[subject].push_back(i);
    for (const auto& [subject, files] : files_of) {
        std::map<std::string, std::set<std::string>> identities_of;  // by the name of the data set
        std::vector<DataSet> data_sets;
        bool known = true;
        std::set<std::string> identities;
        for (const std::size_t i : files) {
            data_sets.push_back(data_set_of(paths[i]));
            known = known && !data_sets.back().identity.empty();
            identities.insert(data_sets.back().identity);
            identities_of[data_sets.back().name].insert(data_sets.back().identity);
        }
        for (std::size_t k = 0; k < files.size(); ++k) {
            std::string& label = labels[files[k]];
            label = subject;
            if (!known || identities.size() < 2) continue;
            const bool unique = identities_of[data_sets[k].name].size() == 1;
            label = (unique ? data_sets[k].name : data_sets[k].identity) + ":" + subject;
        }
    }
}

/// Labels by folder and by name of the files that have none. Returns which were labelled by folder.
std::vector<bool> label_by_names(const std::vector<fs::path>& paths, std::vector<std::string>& labels) {
    std::map<std::string, std::set<std::string>> folders_of;  // by name
    std::size_t nameless = 0;
    std::vector<std::string> kept(paths.size());
    for (std::size_t i = 0; i < paths.size(); ++i) {
        if (!labels[i].empty()) continue;
        const std::string name = imaging::name_without_extension(paths[i]);
        kept[i] = identifying_part(name);
        if (imaging::is_picture_path(paths[i])) kept[i] = without_slice_number(kept[i]);
        nameless += kept[i].empty();
        folders_of[imaging::lower_case(name)].insert(paths[i].parent_path().string());
    }
    std::set<std::string> folders_of_persons;
    for (const auto& [name, folders] : folders_of)
        if (folders.size() > 1) folders_of_persons.insert(folders.begin(), folders.end());
    for (std::size_t i = 0; i < paths.size(); ++i)
        if (labels[i].empty() && kept[i].empty() && nameless > 1)
            folders_of_persons.insert(paths[i].parent_path().string());

    std::vector<bool> by_folder(paths.size(), false);
    for (std::size_t i = 0; i < paths.size(); ++i) {
        if (!labels[i].empty()) continue;
        const fs::path folder = paths[i].parent_path();
        by_folder[i] = folders_of_persons.contains(folder.string()) &&
                       (kept[i].empty() || !named_after_contrast(folder.filename().string()));
        labels[i] = by_folder[i]      ? person_of_folder(paths[i])
                    : kept[i].empty() ? imaging::name_without_extension(paths[i])
                                      : kept[i];
    }
    return by_folder;
}

std::size_t distinct(const std::vector<std::string>& labels) {
    return std::set<std::string>(labels.begin(), labels.end()).size();
}

/// "a.nii, b.nii and c.nii": file names, or paths if names are equal.
std::string listed_files(const std::vector<std::string>& paths, const std::vector<std::size_t>& files) {
    std::vector<std::string> names;
    for (const std::size_t i : files) names.push_back(fs::path(paths[i]).filename().string());
    if (distinct(names) < files.size())
        for (std::size_t k = 0; k < files.size(); ++k) names[k] = paths[files[k]];
    const std::string last = names.back();
    names.pop_back();
    return fmt::format("{} and {}", fmt::join(names, ", "), last);
}

}  // namespace

Persons persons_of(const std::vector<std::string>& paths, const std::string& pattern) {
    Persons persons;
    persons.labels.resize(paths.size());
    if (!pattern.empty()) {
        for (std::size_t i = 0; i < paths.size(); ++i) persons.labels[i] = by_pattern(paths[i], pattern);
        persons.basis = "by --subject-of";
        return persons;
    }
    std::vector<fs::path> full;
    for (const std::string& path : paths) full.push_back(full_path(path));
    label_by_bids(full, persons.labels);
    const auto bids = std::count_if(persons.labels.begin(), persons.labels.end(),
                                    [](const std::string& label) { return !label.empty(); });
    const std::vector<bool> by_folder = label_by_names(full, persons.labels);
    const auto folders = std::count(by_folder.begin(), by_folder.end(), true);
    persons.by_name_alone = bids == 0 && folders == 0;
    persons.every_file = persons.by_name_alone && distinct(persons.labels) == paths.size();
    std::vector<std::string> rules;
    if (bids > 0) rules.emplace_back("by sub-… in the names");
    if (folders > 0) rules.emplace_back("by folder");
    if (bids + folders < static_cast<std::ptrdiff_t>(paths.size()))
        rules.emplace_back(persons.every_file
                               ? "by file name: every file counts as a person of its own"
                               : "by file name without words for contrast, session, run and processing");
    persons.basis = fmt::format("{}", fmt::join(rules, " and "));
    return persons;
}

UnitedPersons unite_equal_content(const Persons& persons, const std::vector<std::string>& paths,
                                  const std::vector<std::string>& contents, bool names_may_stand) {
    std::map<std::string, std::vector<std::size_t>> files_of;  // by content
    for (std::size_t i = 0; i < paths.size(); ++i)
        if (!contents[i].empty()) files_of[contents[i]].push_back(i);
    UnitedPersons united{persons.labels, ""};
    std::vector<std::string> groups;
    for (const auto& [content, files] : files_of) {
        if (files.size() == 1) continue;
        groups.push_back(listed_files(paths, files) + " hold the same voxels");
        for (const std::size_t i : files) {
            const std::string from = united.labels[i], to = united.labels[files.front()];
            std::replace(united.labels.begin(), united.labels.end(), from, to);
        }
    }
    if (groups.empty()) return united;
    const std::size_t named = distinct(persons.labels), left = distinct(united.labels);
    if (names_may_stand && !persons.by_name_alone && left == 1 && named > 1) {
        united.labels = persons.labels;
        groups.back() +=
            fmt::format(", but their names are those of {} persons, so that none tests the others", named);
    } else {
        groups.back() += groups.size() == 1 ? " and are one person" : " and are one person each time";
    }
    united.text = fmt::format("{}", fmt::join(groups, "; "));
    return united;
}

ToldApart name_persons(std::vector<Subject>& training, std::vector<Subject>& validation,
                       const std::string& pattern) {
    std::vector<Subject*> subjects;
    for (auto* side : {&training, &validation})
        for (Subject& subject : *side) subjects.push_back(&subject);
    std::vector<std::string> paths, contents;
    for (const Subject* subject : subjects) {
        paths.push_back(subject->path);
        contents.push_back(subject->content);
    }
    const Persons persons = persons_of(paths, pattern);
    const UnitedPersons united = unite_equal_content(persons, paths, contents, validation.empty());
    for (std::size_t i = 0; i < subjects.size(); ++i) subjects[i]->person = united.labels[i];
    return {"told apart " + persons.basis + (united.text.empty() ? "" : "; " + united.text),
            persons.every_file};
}

}  // namespace dnsp
