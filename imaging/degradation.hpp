#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/options.hpp"
#include "imaging/image.hpp"
#include "imaging/low_field.hpp"
#include "imaging/resample.hpp"
#include "imaging/volume.hpp"

namespace dnsp::imaging {

/// Degradation model: a low-resolution sample is a weighted mean of the high-resolution samples around its
/// position. The weights are a separable kernel. Or the simulation of a lower field strength on the same
/// grid.
struct Degradation {
    enum class Kernel { gaussian, box, bicubic, identity };
    std::string preset;  ///< name of the preset
    Kernel kernel = Kernel::gaussian;
    double sigma = 1.0;  ///< standard deviation of the Gaussian, in high-resolution pixels
    int scale = 2;       ///< 2, 3 or 4; 1 for the identity
    Phase phase = Phase::center;
    /// σ of complex Gaussian noise that is added to the low-resolution image before its magnitude is taken,
    /// relative to the intensity range of the high-resolution image; see imaging/noise.hpp.
    double noise = 0.0;
    std::uint64_t noise_seed = 1;
    /// If set: kernel is the identity, and degrade() is simulate_low_field() (imaging/low_field.hpp).
    std::optional<LowFieldSettings> low_field = {};
};

/// Throws FileError for a scale other than 2, 3 or 4 (1 for the identity), for a Gaussian whose σ is not a
/// positive number, and for settings of a low field that LowFieldSettings::make() refuses.
void validate(const Degradation& degradation);

/// Named presets; the paper does not state σ and the phase:
///   gaussian         Gaussian, σ = scale/2, centred samples (default)
///   gaussian-corner  Gaussian, σ = scale/2, keep every scale-th pixel starting with the first
///   box              mean of scale×scale pixels (partial volume of a larger voxel)
///   bicubic          MATLAB's imresize(…, 1/scale): antialiased bicubic
///   low-field        a scanner of lower field strength, on the same grid: scale 1
///   pairs            no degradation, scale 1: for networks trained on real pairs
/// Throws FileError for an unknown preset, naming the known ones, and for a scale other than 2, 3 or 4
/// (low-field, pairs: 1).
Degradation make_degradation(const std::string& preset, int scale);
std::vector<std::string>
degradation_presets();  ///< those with scales 2, 3 and 4: all but low-field and pairs
inline constexpr const char* pairs_preset = "pairs";

/// The options of a degradation.
struct DegradationSettings {
    std::string preset = "gaussian";
    int scale = 2;
    double blur_sigma = 0.0;  ///< if > 0: σ of the Gaussian kernel, instead of the σ of the preset
    double noise = 0.0;       ///< Degradation::noise
    std::uint64_t noise_seed = 1;
    LowFieldSettings low_field = {};  ///< for the preset low-field
    /// For the preset low-field, the default of the scale becomes 1.
    void visit(OptionVisitor& visitor);
    /// Throws FileError as make_degradation() does, for blur_sigma if the kernel is not Gaussian, and for
    /// settings of another preset than the chosen one.
    Degradation make() const;
};

/// Key–value text for metadata and sidecars: "preset", "kernel", "sigma", "scale", "phase"; with noise
/// also "noise" and "noise_seed", for a low field its settings and factors.
std::map<std::string, std::string> describe(const Degradation& degradation);

/// The map of one axis of `size` high-resolution samples. Throws FileError for an invalid degradation.
AxisResampler degradation_resampler(int size, const Degradation& degradation);

/// The low-resolution image. The sides of `image` must be multiples of the scale (crop_to_multiple).
/// `intensity_range` is the intensity range of the volume, which scales the noise. The noise is a pure
/// function of noise_seed and the pixels of `image`. A low field needs a magnitude image: throws FileError
/// for an intensity below −5 % of the range.
Image degrade(const Image& image, const Degradation& degradation, double intensity_range = 1.0);

}  // namespace dnsp::imaging
