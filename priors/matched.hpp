#pragma once

#include "kernels/match_values.hpp"
#include "priors/loss_term.hpp"

namespace dnsp {

using kernels::Matching;

/// Mean over the batch of (f(g(Y)) − f(g(Yg)))² and the gradient with respect to the output Y; f is
/// `matching` (kernels/match_values.hpp). `of_output` and `of_target` are a function g evaluated at Y and at
/// Yg: one value per image, the first gradient with respect to the image. The result reuses the memory of
/// of_output's gradient.
TermValue matched(const TermValue& of_output, const TermValue& of_target, Matching matching);

}  // namespace dnsp
