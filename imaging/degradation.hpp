#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/options.hpp"
#include "imaging/image.hpp"
#include "imaging/volume.hpp"

namespace dnsp::imaging {

/// How a high-resolution slice becomes a low-resolution one: each low-resolution sample is a weighted mean
/// around its position, the weights being the kernel (separable).
struct Degradation {
    enum class Kernel { gaussian, box, bicubic };
    std::string preset;  ///< name it came from
    Kernel kernel = Kernel::gaussian;
    double sigma = 1.0;  ///< Gaussian's standard deviation in high-resolution pixels
    int scale = 2;       ///< 2, 3 or 4
    Phase phase = Phase::center;
};

/// Named presets, the paper leaving σ and the phase open:
///   gaussian         Gaussian, σ = scale/2, centred samples (default)
///   gaussian-corner  Gaussian, σ = scale/2, keep every scale-th pixel starting with the first
///   box              mean of scale×scale pixels (partial volume of a larger voxel)
///   bicubic          MATLAB's imresize(…, 1/scale): antialiased bicubic
/// Throws FileError naming the known presets, or for a scale other than 2, 3, 4.
Degradation make_degradation(const std::string& preset, int scale);
std::vector<std::string> degradation_presets();

/// A degradation as a user chooses it.
struct DegradationSettings {
    std::string preset = "gaussian";
    int scale = 2;
    double blur_sigma = 0.0;  ///< if > 0, replaces the σ of a preset with a Gaussian kernel
    void visit(OptionVisitor& visitor);
    /// Throws FileError as make_degradation() does, and for a σ where the preset's kernel is no Gaussian.
    Degradation make() const;
};

/// Key–value text for metadata and sidecars: "preset", "kernel", "sigma", "scale", "phase".
std::map<std::string, std::string> describe(const Degradation& degradation);

/// Low-resolution image; sides must be multiples of the scale (crop_to_multiple).
Image degrade(const Image& image, const Degradation& degradation);

}  // namespace dnsp::imaging
