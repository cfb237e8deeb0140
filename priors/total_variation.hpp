#pragma once

#include "priors/prior.hpp"

namespace dnsp {

/// Smoothed isotropic total variation, mean over the batch (kernels/total_variation.hpp): the ablation
/// EDSR-TVLR of the paper, Sec. IV-G.
ClosedForm total_variation(const Tensor& output, double epsilon);

}  // namespace dnsp
