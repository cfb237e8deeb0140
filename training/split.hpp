#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inference/weights_file.hpp"
#include "training/subject.hpp"

namespace dnsp {

/// Training and validation data, split by subject. A single subject is split by slices instead: a central
/// slab is held out, separated by a gap on both sides.
struct Split {
    std::vector<Subject> training;
    std::vector<Subject> validation;
    std::vector<HeldOut> held_out;
    std::string description;  ///< one sentence for the user
};

/// Share of the subjects (at least one), or of a single subject's slices, that is held out.
inline constexpr double validation_share = 0.2;
/// Slices between the sides when a single subject is cut.
inline constexpr int guard_gap_slices = 5;

/// By subject when there are several (which ones: by the seed); by slab when there is one: the validation
/// slab lies in the middle of the slices that show the head.
Split split_subjects(std::vector<Subject> subjects, std::uint64_t seed);

/// With validation subjects chosen by the user; a file named on both sides is an error.
Split split_by_user(std::vector<Subject> training, std::vector<Subject> validation);

}  // namespace dnsp
