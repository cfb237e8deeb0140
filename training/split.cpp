#include "training/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>

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

}  // namespace

Split split_subjects(std::vector<Subject> subjects, std::uint64_t seed) {
    require(!subjects.empty(), "[split] no volume was given");
    if (subjects.size() == 1) return split_by_slab(std::move(subjects.front()));

    std::vector<std::string> persons;  // in the order of their first subjects
    for (const Subject& subject : subjects)
        if (std::find(persons.begin(), persons.end(), person_of_subject(subject)) == persons.end())
            persons.push_back(person_of_subject(subject));
    require(persons.size() > 1,
            fmt::format("[split] all {} files show one person, {}; give another person for validation",
                        subjects.size(), persons.front()));
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
    return split_by_user(std::move(training), std::move(validation));
}

Split split_by_user(std::vector<Subject> training, std::vector<Subject> validation) {
    Split split;
    std::set<std::string> persons, held_persons;
    std::string names;
    for (const Subject& subject : training) persons.insert(person_of_subject(subject));
    for (const Subject& subject : validation) {
        require(
            !persons.contains(person_of_subject(subject)),
            (subject.person.empty() ? subject.path : subject.path + ": person " + subject.person) +
                ": is on both sides of the split; a subject is used for training or for validation, not for both");
        split.held_out.push_back({file_name(subject.path), {}});
        const std::string name = subject.person.empty() ? file_name(subject.path) : subject.person;
        if (held_persons.insert(person_of_subject(subject)).second)
            names += (names.empty() ? "" : ", ") + name;
    }
    split.description = fmt::format("split by subject: {} train, {} held out ({})", persons.size(),
                                    held_persons.size(), names);
    split.training = std::move(training);
    split.validation = std::move(validation);
    return split;
}

}  // namespace dnsp
