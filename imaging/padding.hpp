#pragma once

#include <optional>
#include <vector>

#include "imaging/volume.hpp"

namespace dnsp::imaging {

/// Voxels without a measurement, which a scanner or a program filled with one value. At reading they become
/// background (replace_padding()).
struct Padding {
    float value = 0.0f;        ///< intensity in the file
    std::vector<bool> voxels;  ///< where it stood
};

/// Looks for padding: the smallest or the largest value of a volume, if
/// - it is not 0: a background of zeros is no padding;
/// - at least .1 % of the voxels and 16 voxels hold exactly this value;
/// - it is farther from the nearest other value than twice the range of the other values, so that a constant
///   background beside a brain is no padding.
/// −32768 beside intensities from 0 to 1200 is padding; −1000 of air beside −900 to 2000 is not. `declared`:
/// the value that the file declares as padding. It needs no share of voxels, and its distance must exceed a
/// tenth of the range.
/// Padding is replaced by the smallest of the other values and kept in Volume::padding. Adds a sentence to
/// Volume::notes. Does nothing if there is none, or if all other values are equal.
void replace_padding(Volume& volume, std::optional<float> declared = std::nullopt);

/// Writes the padding of `low` into `high`, another grid of the same field of view: into each voxel whose
/// nearest voxel in `low` was padding. Sets Volume::padding. Nothing if `low` has none.
void restore_padding(Volume& high, const Volume& low, Phase phase);

}  // namespace dnsp::imaging
