#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

/// Gradients of weights with products of bfloat16: images are rounded to bfloat16, sums are float. The result
/// does not depend on the number of threads.
/// Preconditions: bfloat16_direct_supports(shape) (direct.hpp), and the unit's rows divide the output
/// channels.
template <class In, class Out>
void bfloat16_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<In, Out>& pass);

}  // namespace dnsp::kernels::cpu::detail
