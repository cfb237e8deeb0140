#include "training/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>

#include "base/counted.hpp"
#include "base/error.hpp"
#include "training/shuffle.hpp"

namespace dnsp {
namespace {

constexpr std::uint64_t split_stream = 0x5350'4c49'54;  // "SPLIT"

std::string file_name(const std::string& path) { return std::filesystem::path(path).filename().string(); }

/// What identifies the person: the name of the person, or the path of the only file.
std::string person_of_subject(const Subject& subject) {
    return subject.person.empty() ? std::filesystem::weakly_canonical(subject.path).string() : subject.person;
}

Split split_by_slab(Subject subject) {
    const int n = static_cast<int>(subject.slices.size());
    const int held = std::max(1, static_cast<int>(n * validation_share));
    const int first = (n - held) / 2;
    require(n - held - 2 * guard_gap_slices >= 2,
            fmt::format(
                "{}: {} slices show the head, too few to hold some out with a gap of {} on both sides; give "
                "another volume for validation",
                subject.path, n, guard_gap_slices));
    Split split;
    Subject validation = subject;
    auto slice = [](Subject& s, int begin, int end) {
        s.slices = std::vector<SlicePair>(s.slices.begin() + begin, s.slices.begin() + end);
    };
    slice(validation, first, first + held);
    HeldOut held_out{file_name(subject.path), {}};
    for (const SlicePair& pair : validation.slices) held_out.slices.push_back(pair.index);
    subject.slices.erase(subject.slices.begin() + first - guard_gap_slices,
                         subject.slices.begin() + first + held + guard_gap_slices);
    split.description = fmt::format(
        "one subject only: slices {}–{} of {} are held out, with a gap of {} slices on both sides; {} slices train. "
        "Slices of the same head are alike, so these metrics are optimistic; several subjects are better",
        held_out.slices.front(), held_out.slices.back(), held_out.file, guard_gap_slices,
        subject.slices.size());
    split.held_out.push_back(std::move(held_out));
    split.training.push_back(std::move(subject));
    split.validation.push_back(std::move(validation));
    return split;
}

bool all_equal(const std::vector<Subject>& subjects) {
    return std::all_of(subjects.begin(), subjects.end(), [&](const Subject& subject) {
        return !subject.content.empty() && subject.content == subjects.front().content &&
               subject.low_content == subjects.front().low_content;
    });
}

std::string in_brackets(const ToldApart& told_apart) {
    return told_apart.text.empty() ? "" : " (" + told_apart.text + ")";
}

/// The message for a person on both sides. A copy among the training subjects is named rather than another
/// file of the person.
std::string on_both_sides(const Subject& subject, const std::vector<Subject>& training, const Subject& other,
                          const ToldApart& told_apart) {
    for (const Subject& each : training)
        if (!subject.content.empty() && each.content == subject.content)
            return fmt::format(
                "{}: is on both sides of the split, because it holds the same voxels as {}; a person is used "
                "for training or for validation, not for both",
                subject.path, each.path);
    return fmt::format(
        "{}: its person, {}, is on both sides of the split, as {} shows{}; a person is used for training or for "
        "validation, not for both. If they are two persons, --subject-of REGEX tells them apart by their paths",
        subject.path, subject.person.empty() ? subject.path : subject.person, other.path,
        in_brackets(told_apart));
}

}  // namespace

Split split_subjects(std::vector<Subject> subjects, std::uint64_t seed, const ToldApart& told_apart) {
    require(!subjects.empty(), "[split] no volume was given");
    if (subjects.size() == 1) return split_by_slab(std::move(subjects.front()));

    std::vector<std::string> persons;  // in the order of their first subjects
    for (const Subject& subject : subjects)
        if (std::find(persons.begin(), persons.end(), person_of_subject(subject)) == persons.end())
            persons.push_back(person_of_subject(subject));
    if (persons.size() == 1 && all_equal(subjects)) {
        const std::string copies =
            fmt::format("; {} of the same voxels, one is used", counted(subjects.size(), "file"));
        Split split;
        try {
            split = split_by_slab(std::move(subjects.front()));
        } catch (const Error& error) {
            throw Error(error.what() + copies);
        }
        split.description += copies;
        return split;
    }
    require(
        persons.size() > 1,
        fmt::format("all {} files show one person, {}{}; give another person for validation, or tell them "
                    "apart with --subject-of",
                    subjects.size(), persons.front(), in_brackets(told_apart)));
    std::vector<std::size_t> order(persons.size());
    std::iota(order.begin(), order.end(), 0);
    shuffle(order, {seed, split_stream});
    const std::size_t held = std::max<std::size_t>(
        1, static_cast<std::size_t>(static_cast<double>(persons.size()) * validation_share));
    std::set<std::string> held_out;
    for (std::size_t i = 0; i < held; ++i) held_out.insert(persons[order[i]]);
    std::vector<Subject> training, validation;
    for (Subject& subject : subjects)
        (held_out.contains(person_of_subject(subject)) ? validation : training).push_back(std::move(subject));
    return split_by_user(std::move(training), std::move(validation), told_apart);
}

Split split_by_user(std::vector<Subject> training, std::vector<Subject> validation,
                    const ToldApart& told_apart) {
    Split split;
    std::map<std::string, const Subject*> persons;
    std::set<std::string> held_persons;
    std::string names;
    for (const Subject& subject : training) persons.emplace(person_of_subject(subject), &subject);
    for (const Subject& subject : validation) {
        if (const auto found = persons.find(person_of_subject(subject)); found != persons.end())
            throw Error(on_both_sides(subject, training, *found->second, told_apart));
        split.held_out.push_back({file_name(subject.path), {}});
        const std::string name = subject.person.empty() ? file_name(subject.path) : subject.person;
        if (held_persons.insert(person_of_subject(subject)).second)
            names += (names.empty() ? "" : ", ") + name;
    }
    split.description = fmt::format(
        "split by {}: {} train, {} held out ({}){}", told_apart.every_file ? "file" : "subject",
        persons.size(), held_persons.size(), names, told_apart.text.empty() ? "" : "; " + told_apart.text);
    split.training = std::move(training);
    split.validation = std::move(validation);
    return split;
}

}  // namespace dnsp
