#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/device.hpp"
#include "inference/image_upscaler.hpp"
#include "tools/upscale/options.hpp"

namespace dnsp::tools {

/// What enlarges an image, and the weights file that it was read from; no path for a method without weights.
struct ChosenUpscaler {
    const ImageUpscaler& upscaler;
    std::filesystem::path weights;
};

/// Chooses and keeps what enlarges the images of a run: the weights or the method that the user names, else
/// for each image those of the weights that come with the program which best_weights() names.
class UpscalerChoice {
  public:
    /// Loads what the user names. Throws Error for options that contradict it.
    UpscalerChoice(const UpscaleOptions& options, Device device);

    /// For an image whose slices lie along `options.slice_axis`. Loads weights at their first use, and prints
    /// which were chosen and why. Throws Error if none fit.
    ChosenUpscaler of(const ImageContents& image, const std::string& path);

  private:
    const ImageUpscaler& load(const std::filesystem::path& weights);

    const UpscaleOptions& options_;
    Device device_;
    std::map<std::string, std::unique_ptr<ImageUpscaler>> loaded_;  // by path of the weights
    std::optional<ChosenUpscaler> named_;                           // what the user names
};

/// Slices are thick if they are that much farther apart than pixels.
inline constexpr double thick_slice_ratio = 1.5;

/// "slices are 5 mm apart, pixels 0.9×0.9 mm".
std::string voxel_text(const imaging::Volume& volume, int axis);
/// True for several slices that are thick beside the smaller side of a pixel.
bool has_thick_slices(const imaging::Volume& volume, int axis);

}  // namespace dnsp::tools
