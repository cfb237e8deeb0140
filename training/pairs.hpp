#pragma once

#include <optional>
#include <string>
#include <vector>

#include "training/subject.hpp"

// Real pairs: a low-quality and a high-quality image of the same person on one grid, for example from two
// scanners, after registration (tools/register). The network's input is the low image as it is, the target
// is the high one: the preset "pairs" of imaging/degradation.hpp.
namespace dnsp {

struct PairPaths {
    std::string low, high;
};

/// The pairs of two folders (images with the same names, imaging::images_of_folder()), or of two files.
/// Throws Error for a folder without images, and for a file that has no partner.
std::vector<PairPaths> find_pairs(const std::string& low, const std::string& high,
                                  const imaging::Notice& notice = {});

/// Pairs of the values LOW HIGH of an option, whose name is for the message.
std::vector<PairPaths> find_pairs(const std::vector<std::string>& low_and_high, const std::string& option,
                                  const imaging::Notice& notice = {});

/// Share of the target's foreground (above foreground_level of its range) on which the input has data, i.e.
/// is not exactly 0. Registration writes 0 where the low image shows nothing. 1 for a target without
/// foreground.
double view_overlap(const imaging::Image& input, const imaging::Image& target, float threshold);

/// Slices with less overlap are left out.
inline constexpr double min_view_overlap = 0.95;

/// A pair of volumes as a subject. It holds the slices of load_subject(), by the target's foreground,
/// without those whose views overlap too little. `path` of the subject is that of the high volume. Throws
/// FileError, with both names, unless the volumes have one size and one position (to 1 % of a voxel).
Subject make_pair_subject(const imaging::Volume& low, const imaging::Volume& high, int axis);

/// A pair of pictures as a subject of one slice, or of none if the views overlap too little. Throws
/// FileError, with both names, unless the pictures have one size.
Subject make_pair_subject(const imaging::Image& low, const imaging::Image& high, const PairPaths& paths);

/// Reads a pair. `volume`: as in imaging::read_volume(), for both files.
Subject load_pair(const PairPaths& paths, int axis, std::optional<int> volume = std::nullopt);

}  // namespace dnsp
