#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "imaging/degradation.hpp"
#include "imaging/dicom/dicom.hpp"
#include "imaging/picture.hpp"
#include "imaging/volume.hpp"
#include "inference/tiled_inference.hpp"
#include "layers/conv2d_settings.hpp"
#include "tools/command_line.hpp"
#include "training/self_supervision.hpp"

namespace dnsp::tools {

/// Which voxels become smaller.
enum class UpscaleDirection { automatic, in_plane, through_plane };

/// One of `count` parts of a folder, for that many processes.
struct Shard {
    int number = 1;  ///< from 1
    int count = 1;
};

/// The command line of upscale.
struct UpscaleOptions {
    std::filesystem::path input, output;
    std::string weights;  ///< a file, or the name of weights that come with the program
    std::string method;   ///< classical; neither weights nor method nor self: weights are chosen
    UpscaleDirection direction = UpscaleDirection::automatic;
    double voxel_mm = 0.0;  ///< through-plane: distance of the new slices; 0: the pixel size
    imaging::DegradationSettings degradation;  ///< what the classical method is told
    Conv2dSettings convolution;
    InferenceOptions inference;
    SliceAxis slice_axis;
    std::optional<int> scale, volume;
    imaging::IntensityType type = imaging::IntensityType::keep;
    std::string series;  ///< of a DICOM folder; imaging::read_dicom()
    bool self = false;   ///< train on the scan itself
    SelfSupervision self_supervision;
    std::filesystem::path save_weights;
    bool consistent = false;  ///< correct the result until it agrees with the input
    std::filesystem::path consistency, spread, report;
    std::vector<std::string> arguments;  ///< of the command line, without the program
    bool bids = false;                   ///< name the results after BIDS
    std::string device;                  ///< "cpu" or "cuda:N", for records
    bool force = false;
    bool skip_existing = false;  ///< leave out what an earlier run finished
    std::optional<Shard> shard;  ///< of a folder
};

/// One file of a run.
struct UpscaleJob {
    std::filesystem::path input, output;
    bool replaces_leftover = false;  ///< a record is there, but not the finished output
};

/// Volumes of one size and geometry: time points, directions of diffusion, echoes.
using Series = std::vector<imaging::Volume>;

using ImageContents = std::variant<imaging::Picture, imaging::Volume, Series>;

/// The volume, or the first one of a series; null for a picture.
inline const imaging::Volume* first_volume(const ImageContents& contents) {
    if (const auto* series = std::get_if<Series>(&contents)) return &series->front();
    return std::get_if<imaging::Volume>(&contents);
}

/// An image that was read.
struct InputImage {
    ImageContents contents;
    std::shared_ptr<const imaging::DicomSource> dicom = {};  ///< null unless it was read from DICOM
};

}  // namespace dnsp::tools
