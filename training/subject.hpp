#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "imaging/degradation.hpp"
#include "imaging/normalisation.hpp"
#include "imaging/volume.hpp"

namespace dnsp {

/// Pixels above this level of the normalised range show the head.
inline constexpr float foreground_level = 0.1f;

/// A slice of a subject at both resolutions, in the volume's own intensities.
struct SlicePair {
    int index = 0;          ///< along the slice axis
    imaging::Image target;  ///< high resolution, sides cropped to multiples of the scale
    imaging::Image low;     ///< degraded
    imaging::Image input;   ///< degraded and bicubic-enlarged: what a network sees
};

/// A high-resolution volume taken apart into slice pairs.
struct Subject {
    std::string path;
    int axis = 2;
    int slice_count = 0;  ///< of the volume; `slices` holds those that show enough head
    std::vector<SlicePair> slices;
    /// Percentiles of the degraded volume, as at inference.
    imaging::Normalisation normalisation;
    /// Percentiles of the high-resolution volume: the data range of the metrics.
    imaging::Normalisation reference_range;
};

/// Files of the given NIfTI files and folders (searched one level deep, sorted). Throws for a folder without
/// any.
std::vector<std::string> find_volumes(const std::vector<std::string>& inputs);

/// Reads a volume and degrades its slices along `axis` (−1: default_slice_axis). Slices count as showing the
/// head when their share of foreground (above foreground_level) is at least half of the largest share of
/// any slice.
Subject load_subject(const std::string& path, const imaging::Degradation& degradation, int axis,
                     std::optional<int> volume_index = std::nullopt);

/// A picture, as a subject of one slice.
Subject make_subject(const imaging::Image& picture, const std::string& path,
                     const imaging::Degradation& degradation);

/// A volume read already.
Subject make_subject(const imaging::Volume& volume, const imaging::Degradation& degradation, int axis);

}  // namespace dnsp
