#pragma once

#include "kernels/filter_variance.hpp"
#include "priors/loss_term.hpp"

namespace dnsp {

using kernels::Border;

/// Sharpness by learned filters, paper Eq. (8), mean over the batch: V_mod(Y, W) = (1/N_L) Σ_l var(Wˡ ⋆ Y),
/// cross-correlation, variance with divisor n − 1. filters is [N_L, k, k] of the output's dtype, k odd. Both
/// the output (Eq. 12) and the filters get their true gradient; the paper's Eq. (15) for the latter is wrong
/// (docs/mathematics.md). The loss subtracts it.
TermValue learned_sharpness(const Tensor& output, const Tensor& filters, Border border);

}  // namespace dnsp
