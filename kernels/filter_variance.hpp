#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace dnsp::kernels {

/// The domain of a filter's response: `valid` where the filter lies inside the image, `zero` everywhere, with
/// zero padding. Padding inflates the variance, 4× on a sharp image and 22× on a bicubic one.
enum class Border { valid, zero };

/// `batch` images of height × width and `filters` filters of kernel × kernel taps (odd), all dense row-major.
struct FilterVarianceShape {
    std::int64_t batch = 1;
    std::int64_t height = 1;
    std::int64_t width = 1;
    std::int64_t filters = 1;
    std::int64_t kernel = 3;
    Border border = Border::valid;

    constexpr std::int64_t taps() const { return kernel * kernel; }
    constexpr std::int64_t response_height() const {
        return border == Border::valid ? height - kernel + 1 : height;
    }
    constexpr std::int64_t response_width() const {
        return border == Border::valid ? width - kernel + 1 : width;
    }
};

/// The sharpness of an image Y, paper Eqs. (8) and (21): V = (1/N_L) Σ_l var(Pˡ), Pˡ = Wˡ ⋆ Y
/// (cross-correlation), variance with divisor n − 1 over the n response pixels. With dˡ = 2/(n−1)·(Pˡ − mean
/// Pˡ):
///   ∂V/∂Y        = (1/N_L) Σ_l (Wˡ)ᵀ ⋆ dˡ                  Eq. (12)
///   ∂V/∂Wˡ[i,j]  = (1/N_L) Σ_yx dˡ[y,x] · Y[y+i, x+j]      Eq. (15); the paper prints ∂V/∂Y for dˡ
/// The fixed Laplacian is one filter, L/4. Precondition: the response has at least two pixels.
///
/// Overwrites:
/// - value[batch]
/// - image_gradient[batch, height, width], each image's gradient of its V
/// - filter_gradient[filters, kernel, kernel], the sum over the batch; may be null.
/// Responses are computed in T, their moments and the filter gradient in double.
DNSP_DECLARE_KERNEL(filter_variance, const FilterVarianceShape& shape, const T* images, const T* weights,
                    double* value, T* image_gradient, T* filter_gradient);

}  // namespace dnsp::kernels
