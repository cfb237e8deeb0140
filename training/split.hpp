#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "training/subject.hpp"

namespace dnsp {

/// Slices of one file that training never sees.
struct HeldOut {
    std::string file;         ///< file name without its folder
    std::vector<int> slices;  ///< indices along the slice axis; empty means all of them
};

/// Who learns from what. Slices of one subject never stand on both sides, but where there is only one
/// subject: then a slab of it is held out, with a gap between the sides.
struct Split {
    std::vector<Subject> training;
    std::vector<Subject> validation;
    std::vector<HeldOut> held_out;
    std::string sentence;  ///< what was split and how, for the user
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
