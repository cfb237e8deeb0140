#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "imaging/degradation.hpp"
#include "imaging/image_folder.hpp"
#include "imaging/normalisation.hpp"
#include "imaging/volume.hpp"
#include "inference/network_input.hpp"

namespace dnsp {

/// Pixels above this level of the normalised range show the head.
inline constexpr float foreground_level = 0.1f;

/// A slice of a subject at both resolutions, in stored intensities.
struct SlicePair {
    int index = 0;          ///< along the slice axis
    imaging::Image target;  ///< high resolution, imaging::crop_to_covered()
    imaging::Image truth;   ///< the target before the scan's bias field; empty without a bias field
    imaging::Image low;     ///< degraded
    imaging::Image input;   ///< imaging::enlarge() of it: the input of a network
    double row_mm = 1.0;    ///< through-plane: distance of the rows of target and input
};

/// A high-resolution volume as slice pairs.
struct Subject {
    std::string path;
    /// Subjects of one person lie on one side of a split (training/person.hpp). Empty: `path` is one person.
    std::string person;
    std::string content;      ///< content_of() the file; of a pair: of its high image
    std::string low_content;  ///< of the low image of a pair; else empty
    int axis = 2;
    int slice_count = 0;  ///< of the volume; `slices` holds those that show enough head
    std::vector<SlicePair> slices;
    double pixel_mm = 0.0;  ///< of the degraded slices, along their rows; 0: unknown, as for pictures
    /// Of the network's input: percentiles of the degraded volume, as at inference.
    imaging::Normalisation normalisation;
    /// Of the network's output and target: `normalisation`; for real pairs (training/pairs.hpp)
    /// `reference_range`, because two scanners have different scales.
    imaging::Normalisation target_normalisation;
    /// Percentiles of the high-resolution volume: the data range of the metrics.
    imaging::Normalisation reference_range;
    /// The tissues of the degraded volume, if the network reads them.
    std::optional<imaging::TissueMixture> tissues;
};

/// Identifies an image by its content: size and SHA-256 digest of the intensities as they are read, so that
/// neither the name nor the compression of the file matters.
std::string content_of(const imaging::Volume& volume);
std::string content_of(const imaging::Image& image);

/// An image on the scale of the input, for example `input` itself, mapped to the scale of the target.
imaging::Image on_target_scale(const Subject& subject, imaging::Image image);

/// Indices of the slices whose share of foreground pixels (above foreground_level of `range`) is at least
/// half of the largest share of any slice.
std::vector<int> slices_that_show_the_head(const imaging::Volume& volume, int axis,
                                           const imaging::Normalisation& range);

/// imaging::ScanStatistics::fine_detail_db of the slices that show the head.
double fine_detail_db(const imaging::Volume& volume, int axis);

/// The files among the inputs, and the volumes of input folders (imaging::images_of_folder()).
std::vector<std::string> find_volumes(const std::vector<std::string>& inputs,
                                      const imaging::Notice& notice = {});

/// Reads a volume and degrades its slices along `axis` (−1: default_slice_axis). Parameters that are ranges
/// are drawn by imaging::drawn_for(). Through-plane, the slices are degraded along their rows' axis, and
/// those of odd index, which are transposed, along their columns' axis. A slice shows the head if its share
/// of foreground pixels (above foreground_level) is at least half of the largest share of any slice.
/// `features`: what the network reads. `volume`: as in imaging::read_volume().
Subject load_subject(const std::string& path, const imaging::Degradation& degradation, int axis,
                     InputFeatures features = InputFeatures::intensity,
                     std::optional<int> volume = std::nullopt);

/// A picture as a subject of one slice. Throws FileError if the network reads tissues.
Subject make_subject(const imaging::Image& picture, const std::string& path,
                     const imaging::Degradation& degradation,
                     InputFeatures features = InputFeatures::intensity);

/// As load_subject(), for a volume in memory.
Subject make_subject(const imaging::Volume& volume, const imaging::Degradation& degradation, int axis,
                     InputFeatures features = InputFeatures::intensity);

/// As make_subject(), through-plane: all slices are degraded along the storage axis `y_axis`, which becomes
/// that of the rows.
Subject make_thick_slice_subject(const imaging::Volume& volume, const imaging::Degradation& degradation,
                                 int axis, int y_axis);

}  // namespace dnsp
