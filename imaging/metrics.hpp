#pragma once

#include <array>
#include <deque>
#include <string>
#include <vector>

#include "imaging/image.hpp"

namespace dnsp::imaging {

/// The convention of PSNR and SSIM.
struct MetricConvention {
    double data_range = 1.0;  ///< intensity span L of PSNR and SSIM
    int border_shave = 0;     ///< pixels removed on each side before comparing
};

/// 10·log10(data_range² / mean squared error), dB; +infinity for equal images.
double psnr(const Image& reference, const Image& image, const MetricConvention& convention);

/// Mean SSIM (Wang et al. 2004): 11×11 Gaussian window of σ = 1.5, K1 = .01, K2 = .03, population
/// (co)variances, averaged over the positions where the window lies inside the image. Equals
/// skimage.metrics.structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False).
/// Images must be at least 11×11 after shaving.
double ssim(const Image& reference, const Image& image, const MetricConvention& convention);

/// Local values of SSIM, by the position of the window: 10 rows and columns fewer than the image.
struct SsimMap {
    int height = 0, width = 0;
    std::vector<double> values;  ///< row-major
};

/// The values whose mean is ssim().
SsimMap ssim_map(const Image& reference, const Image& image, const MetricConvention& convention);

/// SSIM with an 11×11×11 window, for planes of a volume that are passed one after another. The other
/// conventions are those of ssim().
class VolumeSsim {
  public:
    explicit VolumeSsim(double data_range) : data_range_(data_range) {}

    /// Adds the next plane. From the eleventh on: the values at the windows whose middle is the plane before
    /// the last five; else an empty map.
    SsimMap add(const Image& reference, const Image& image);

  private:
    using Moments = std::array<std::vector<double>, 5>;
    double data_range_;
    std::deque<Moments> planes_;
};

/// One sentence: data range, window, constants, border. `data_range`: description of the data range; empty:
/// the number in `convention`.
std::string describe(const MetricConvention& convention, const std::string& data_range = "");

}  // namespace dnsp::imaging
