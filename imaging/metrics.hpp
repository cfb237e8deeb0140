#pragma once

#include <string>

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

/// One sentence: data range, window, constants, border. `data_range`: description of the data range; empty:
/// the number in `convention`.
std::string describe(const MetricConvention& convention, const std::string& data_range = "");

}  // namespace dnsp::imaging
