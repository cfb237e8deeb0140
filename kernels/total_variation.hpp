#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace dnsp::kernels {

/// Smoothed isotropic total variation of `batch` images Y of height × width. Differences past the border are
/// zero.
///   TV(Y) = Σ_yx √((Y[y+1,x]−Y[y,x])² + (Y[y,x+1]−Y[y,x])² + ε²) − ε
struct TotalVariationShape {
    std::int64_t batch = 1;
    std::int64_t height = 1;
    std::int64_t width = 1;
    double epsilon = 1e-3;
};

/// Overwrites value[batch] and gradient[batch, height, width].
DNSP_DECLARE_KERNEL(total_variation, const TotalVariationShape& shape, const T* images, double* value,
                    T* gradient);

}  // namespace dnsp::kernels
