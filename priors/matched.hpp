#pragma once

#include "kernels/match_values.hpp"
#include "priors/loss_term.hpp"

namespace dnsp {

using kernels::Matching;

/// From a function of images, evaluated at the output and at the target, the mean over the batch of
/// (f(function(Y)) − f(function(Yg)))², with its gradient with respect to the output
/// (kernels/match_values.hpp). `of_output` and `of_target` hold a value for each image and, first, the
/// gradient with respect to it; the memory of of_output's gradient is taken over.
TermValue matched(const TermValue& of_output, const TermValue& of_target, Matching matching);

}  // namespace dnsp
