#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/options.hpp"
#include "base/philox.hpp"
#include "imaging/fourier.hpp"
#include "imaging/image.hpp"

// Simulates from a high-field image what a scanner of lower field strength would have measured (Wu, Chen,
// Nayak, "Improved low-field MRI simulation", PLoS ONE 2016, and its published code). With the ratios a of
// the fields and b of the readout bandwidths, and with the ratio f of the steady-state signals of a spoiled
// gradient echo,
//   E1 = exp(−TR/T1),   E2 = exp(−TE/T2),   signal = (1 − E1)/(1 − E1·cos θ) · E2,   f =
//   signal_low/signal_high k_low = a²f · k_high + √(a²b − a⁴f²) · σ · n
// where k is the k-space and σ the standard deviation of the noise that k_high contains. The noise of k_low
// is then a√b·σ, and the signal-to-noise ratio changes by the factor a·f/√b.
//
// The model has no inversion pulse: an inversion-prepared sequence (MPRAGE) is outside of it.
namespace dnsp::imaging {

/// The tissue whose relaxation times decide about the signal ratio f.
enum class Tissue { white_matter, grey_matter, muscle, fat };

/// T1 in seconds at a field strength in tesla, from the published table: .1, .2, .3, .4, .5, 1, 1.5 and 3 T.
/// Empty for other fields. There is no interpolation.
std::optional<double> tabulated_t1_seconds(Tissue tissue, double field_tesla);
/// T2 in seconds, for all fields.
double tabulated_t2_seconds(Tissue tissue);

/// The published formula of f is the same for both.
enum class Sequence { gradient_echo, spin_echo };

enum class NoiseType {
    complex,  ///< independent noise of deviation σ in the real and the imaginary part of k-space
    /// Noise in the real part only, as in the published code. Its image is point-symmetric, n(−x) = conj
    /// n(x), and magnitude images receive half the variance: their PSNR is 3 dB too high. For comparison
    /// only.
    real
};

/// The factors of the simulation.
struct LowFieldModel {
    double field_ratio = 1.0;      ///< a, low/high
    double bandwidth_ratio = 1.0;  ///< b, low/high
    double signal_ratio = 1.0;     ///< f, low/high, apart from the factor a²
    NoiseType noise_type = NoiseType::complex;

    /// a²f, the factor of the k-space.
    double signal_factor() const;
    /// √(a²b − a⁴f²), the factor of the added noise.
    double noise_factor() const;
    /// noise_factor()/signal_factor(): the added noise in an image whose tissue keeps its brightness.
    double relative_noise() const;
    /// a·f/√b, the ratio of the signal-to-noise ratios, low/high.
    double snr_ratio() const;
};

/// The options of the simulation.
struct LowFieldSettings {
    double from_field = 3.0;  ///< tesla
    double to_field = 1.5;
    Tissue tissue = Tissue::white_matter;
    double from_t1 = 0.0, to_t1 = 0.0;  ///< ms; 0: from the table
    Sequence sequence = Sequence::gradient_echo;
    double tr = 2300.0;           ///< repetition time, ms
    double to_tr = 0.0;           ///< at the low field; 0: tr
    double te = 3.0;              ///< echo time, ms
    double to_te = 0.0;           ///< at the low field; 0: te
    double flip_angle = 9.0;      ///< degrees
    double from_bandwidth = 1.0;  ///< readout bandwidth; only the ratio matters
    double to_bandwidth = 1.0;
    double noise = 0.02;  ///< σ of the noise in the high-field image, as a share of its range
    NoiseType noise_type = NoiseType::complex;
    void visit(OptionVisitor& visitor);

    /// Throws FileError for values out of range, for a field that the table lacks if its T1 is not given, and
    /// if a²b < a⁴f²: the low-field image would need less noise than the high-field image contains.
    LowFieldModel make() const;
};

/// Key–value text for metadata and sidecars: the settings, and "signal_ratio" (f), "added_noise" (relative to
/// the range) and "snr_ratio".
std::map<std::string, std::string> describe(const LowFieldSettings& settings);

/// k_low of a spectrum k_high (fourier_transform()). `sigma`: standard deviation of the noise in k_high.
/// Value i of the spectrum gets the numbers 2i and 2i + 1 of `random` as real and imaginary part of n.
ComplexImage low_field_spectrum(ComplexImage k_high, const LowFieldModel& model, double sigma,
                                const Philox& random);

/// The low-field version of a magnitude image on the same grid: the magnitude of the transform of k_low,
/// divided by a²f, so that tissue keeps its brightness. The background becomes Rician. `sigma`: standard
/// deviation of the noise in the image, in its intensities.
Image simulate_low_field(const Image& image, const LowFieldModel& model, double sigma, const Philox& random);

}  // namespace dnsp::imaging
