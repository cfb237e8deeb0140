#pragma once

#include "priors/prior.hpp"

namespace dnsp {

/// Smoothed isotropic total variation, mean over the batch (kernels/total_variation.hpp): the ablation
/// EDSR-TVLR of the paper, Sec. IV-G.
PriorTerm total_variation(Tape& tape, const Tensor& output, double epsilon);

}  // namespace dnsp
