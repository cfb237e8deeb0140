#pragma once

#include "kernels/filter_variance.hpp"
#include "priors/loss_term.hpp"

namespace dnsp {

using kernels::Border;

/// Sharpness by learned filters, paper Eq. (8), mean over the batch: V_mod(Y, W) = (1/N_L) Σ_l var(Wˡ ⋆ Y);
/// cross-correlation, variance with divisor n − 1. filters: [N_L, k, k] of the output's dtype, k odd. The
/// gradients with respect to the output (paper Eq. 12) and to the filters are exact; paper Eq. (15) for the
/// filters is wrong (docs/mathematics.md). The loss subtracts V_mod.
TermValue learned_sharpness(const Tensor& output, const Tensor& filters, Border border);

}  // namespace dnsp
