#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/options.hpp"
#include "imaging/image.hpp"
#include "imaging/kspace.hpp"
#include "imaging/low_field.hpp"
#include "imaging/resample.hpp"
#include "imaging/through_plane.hpp"
#include "imaging/volume.hpp"

namespace dnsp::imaging {

/// Parameters of a degradation that may be ranges.
struct DegradationRanges {
    NumberOrRange sigma, noise, thickness, spacing, bias_field;
    bool spacing_is_thickness = false;  ///< the spacing was not given
    bool kernel = false;                ///< gaussian or kspace
    bool window = false;                ///< any KspaceWindow, if the kernel is kspace
    double noise_free = 0.0;            ///< share of the images that get no noise
};

/// Degradation model: a low-resolution sample is a weighted mean of the high-resolution samples around its
/// position. The weights are a separable kernel. Or the simulation of a lower field strength on the same
/// grid, or thick slices along one axis.
struct Degradation {
    enum class Kernel { gaussian, box, bicubic, kspace, identity };
    std::string preset;  ///< name of the preset
    Kernel kernel = Kernel::gaussian;
    double sigma = 1.0;  ///< standard deviation of the Gaussian, in high-resolution pixels
    int scale = 2;       ///< 2, 3 or 4; 1 for the identity
    Phase phase = Phase::center;
    KspaceWindow window = KspaceWindow::none;  ///< of the kernel kspace
    /// σ of complex Gaussian noise that is added to the low-resolution image before its magnitude is taken,
    /// relative to the intensity range of the high-resolution image; see imaging/noise.hpp.
    double noise = 0.0;
    std::uint64_t noise_seed = 1;
    /// Strength of a bias field (imaging/bias_field.hpp), by which the high-resolution image is multiplied
    /// before degrade(): imaging::received().
    double bias_field = 0.0;
    /// If set: the parameters that are ranges. Their numbers here are the middles; drawn()
    /// (imaging/acquisition.hpp) replaces them.
    std::optional<DegradationRanges> ranges = {};
    /// If set: kernel is the identity, and degrade() is simulate_low_field() (imaging/low_field.hpp).
    std::optional<LowFieldSettings> low_field = {};
    /// If set: kernel is the identity, scale is 1, and degrade() replaces the rows of an image by thick
    /// slices.
    std::optional<ThroughPlane> through_plane = {};
};

/// Throws FileError for a scale other than 2, 3 or 4 (1 for the identity), for a Gaussian whose σ is not a
/// positive number, and for settings of a low field that LowFieldSettings::make() refuses.
void validate(const Degradation& degradation);

/// Named presets; the paper does not state σ and the phase:
///   gaussian         Gaussian, σ = scale/2, centred samples (default)
///   gaussian-corner  Gaussian, σ = scale/2, keep every scale-th pixel starting with the first
///   box              mean of scale×scale pixels (partial volume of a larger voxel)
///   bicubic          MATLAB's imresize(…, 1/scale): antialiased bicubic
///   kspace           the centre of k-space: imaging/kspace.hpp
///   varied           gaussian or kspace, drawn like a range, kspace with any window; ranges remains to be
///   set low-field        a scanner of lower field strength, on the same grid: scale 1 pairs            no
///   degradation, scale 1: for networks trained on real pairs through-plane    thick slices along one axis,
///   scale 1; through_plane remains to be set
/// Throws FileError for an unknown preset, naming the known ones, and for a scale other than 2, 3 or 4
/// (low-field, pairs, through-plane: 1).
Degradation make_degradation(const std::string& preset, int scale);
std::vector<std::string> degradation_presets();  ///< those of one kernel with scales 2, 3 and 4
inline constexpr const char* varied_preset = "varied";
inline constexpr const char* pairs_preset = "pairs";
inline constexpr const char* through_plane_preset = "through-plane";

/// A σ in pixels whose sampled Gaussian takes the nearest pixel, or the mean of the two nearest ones: no
/// blur.
inline constexpr double no_blur_sigma = 0.2;

enum class Direction { in_plane, through_plane };

/// A KspaceWindow, or any of them, drawn like a number from a range.
enum class WindowSetting { none, hamming, fermi, any };

/// The options of a degradation.
struct DegradationSettings {
    std::string preset = "gaussian";
    int scale = 2;
    NumberOrRange blur_sigma = {};  ///< if > 0: σ of the Gaussian kernel, instead of the σ of the preset
    NumberOrRange noise = {};       ///< Degradation::noise
    double noise_free = 0.0;        ///< of a range of noise: DegradationRanges::noise_free
    NumberOrRange bias_field = {};  ///< Degradation::bias_field
    std::uint64_t noise_seed = 1;
    LowFieldSettings low_field = {};  ///< for the preset low-field
    Direction direction = Direction::in_plane;
    WindowSetting window = WindowSetting::none;  ///< for the preset kspace
    ThroughPlaneSettings through_plane = {};     ///< for the direction through-plane
    /// For the preset low-field, the default of the scale becomes 1; for the direction through-plane also the
    /// default of the preset becomes through-plane.
    void visit(OptionVisitor& visitor);
    /// Throws FileError as make_degradation() does, for blur_sigma if the kernel is not Gaussian, and for
    /// settings of another preset than the chosen one.
    Degradation make() const;
};

/// Key–value text for metadata and sidecars: "preset", "kernel", "sigma", "scale", "phase"; with noise
/// also "noise" and "noise_seed", for a low field its settings and factors.
std::map<std::string, std::string> describe(const Degradation& degradation);

/// The map of one axis of `size` high-resolution samples. Throws FileError for an invalid degradation, and
/// through-plane, where the two axes differ.
AxisResampler degradation_resampler(int size, const Degradation& degradation);

/// The part of an image that enlarge(degrade(image)) covers: sides that are multiples of the scale, or the
/// rows that lie wholly in thick slices. `row_mm`: through-plane, the distance of the rows.
Image crop_to_covered(const Image& image, const Degradation& degradation, double row_mm = 1.0);

/// The low-resolution image of one acquisition; the middle of each range. In-plane, the sides of `image` must
/// be multiples of the scale (crop_to_covered). `intensity_range` is the intensity range of the volume, which
/// scales the noise. The noise is a pure function of noise_seed and the pixels of `image`. A low field needs
/// a magnitude image: throws FileError for an intensity below −5 % of the range. The kernel kspace gives
/// magnitudes.
Image degrade(const Image& image, const Degradation& degradation, double intensity_range = 1.0,
              double row_mm = 1.0);

/// Keys' cubic interpolation of degrade(image) at the pixels of crop_to_covered(image).
Image enlarge(const Image& low, const Degradation& degradation, double row_mm = 1.0);

}  // namespace dnsp::imaging
