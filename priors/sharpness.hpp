#pragma once

#include "kernels/filter_variance.hpp"
#include "priors/loss_term.hpp"

namespace dnsp {

using kernels::Border;

/// Sharpness by a fixed filter, paper Eqs. (5) and (21), mean over the batch: V(Y) = var(L ⋆ Y), L the
/// Laplacian times `laplacian_scale` (1/4: Eq. 20), variance with divisor n − 1. The loss subtracts V.
TermValue sharpness(const Tensor& output, double laplacian_scale, Border border);

}  // namespace dnsp
