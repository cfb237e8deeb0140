#pragma once

#include <string>
#include <vector>

#include "imaging/image.hpp"
#include "tools/figure.hpp"

namespace dnsp::tools {

// What the priors of the paper measure on a slice: the content of its Figs. 2, 3, 5 and 8. Intensities are
// normalised, about 0 … 1.

/// The rank spectrum of a slice Y of h × w pixels, paper Fig. 2.
struct RankSpectrum {
    std::vector<double> singular_values;  ///< σ₁ ≥ σ₂ ≥ …, min(h, w) of them
    /// Entry k − 1: 10·log₁₀(h·w / Σ_{i>k} σᵢ²), the PSNR of the best approximation of rank k for a data
    /// range of 1 (Eckart and Young); +infinity where nothing is left.
    std::vector<double> psnr_db;
    double surrogate = 0.0;  ///< R_δ(Y) = min(h, w) − Σᵢ exp(−σᵢ²/2δ²), paper Eq. (2)
};
RankSpectrum rank_spectrum(const imaging::Image& image, double delta);

/// The best approximation of rank k: the first k terms of the singular value decomposition.
imaging::Image approximation_of_rank(const imaging::Image& image, int rank);

/// The rectangle that holds all pixels above `threshold`. Throws Error if there is none.
imaging::Image cropped_to_foreground(const imaging::Image& image, float threshold);

/// Convolution with a sampled Gaussian of standard deviation `sigma` pixels, cut off at 4σ, with mirrored
/// borders. σ = 0 returns the image.
imaging::Image gaussian_blurred(const imaging::Image& image, double sigma);

/// V(Y): the variance (divisor n − 1) of the response to the Laplacian L/4, valid region, paper Eqs. (5) and
/// (20).
double laplacian_variance(const imaging::Image& image);

/// A filter of 3×3 taps and its response to a slice, paper Fig. 8.
struct FilterResponse {
    std::string name;
    std::vector<double> taps;  ///< row by row
    double norm = 0.0;         ///< Frobenius norm of the taps
    double sum = 0.0;          ///< of the taps: the response to a constant
    imaging::Image deviation;  ///< |W ⋆ Y − mean|, valid region
    imaging::Image spectrum;   ///< |Ŵ| for frequencies −½ … ½ per pixel, zero in the middle
};
FilterResponse filter_response(const imaging::Image& image, const std::string& name,
                               const std::vector<double>& taps);

}  // namespace dnsp::tools
