#pragma once

#include <cstdint>

#include "kernels/filter_variance.hpp"

namespace dnsp::kernels {

// The filter measure, paper Eq. (9): S(W) = Σ_l Σ_a ‖Wˡ ⋆ Sm_a‖² − Σ_l Σ_a ‖Wˡ ⋆ Sh_a‖² over smooth patches
// Sm and sharp patches Sh. S is quadratic in the taps (t, u are tap offsets):
//   S = Σ_l wˡᵀ A wˡ,   A = Σ_a G(Sm_a) − Σ_a G(Sh_a),   G(S)[t,u] = Σ_yx S[y+t] · S[y+u]
// The patches do not change during training. The Gram matrix A of the taps is therefore summed once, and Eq.
// (14) becomes ∂S/∂wˡ = 2 A wˡ.

/// gram[taps, taps] += sign · Σ_a G(patch_a) over shape.batch patches. shape.filters is ignored.
DNSP_DECLARE_KERNEL(accumulate_tap_gram, const FilterVarianceShape& shape, const T* patches, double sign,
                    double* gram);

/// Overwrites value[0] = S and filter_gradient[filters, taps] = ∂S/∂W.
DNSP_DECLARE_KERNEL(filter_measure, std::int64_t filters, std::int64_t taps, const double* gram,
                    const T* weights, double* value, T* filter_gradient);

}  // namespace dnsp::kernels
