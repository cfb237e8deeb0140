#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inference/weights_file.hpp"
#include "training/person.hpp"
#include "training/subject.hpp"

namespace dnsp {

/// Training and validation data, split by subject. A single subject is split by slices instead: a central
/// slab is held out, separated by a gap on both sides. So are several files of one content.
struct Split {
    std::vector<Subject> training;
    std::vector<Subject> validation;
    std::vector<HeldOut> held_out;
    std::string description;  ///< one sentence for the user
};

/// Share of the subjects (at least one subject) that is held out; for a single subject, share of the slices.
inline constexpr double validation_share = 0.2;
/// Number of slices between training and validation slices of a single subject.
inline constexpr int guard_gap_slices = 5;

/// Several persons (Subject::person): the seed selects those whose subjects are held out. One subject: the
/// validation slab is the middle of the slices that show the head. Throws Error for several subjects of one
/// person. `told_apart` is for the description: by what persons were told apart.
Split split_subjects(std::vector<Subject> subjects, std::uint64_t seed, const ToldApart& told_apart = {});

/// Split with given validation subjects. Throws Error if a person is on both sides.
Split split_by_user(std::vector<Subject> training, std::vector<Subject> validation,
                    const ToldApart& told_apart = {});

}  // namespace dnsp
