#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

// Direct convolution in float32 for every kernel and all channel counts. Sums run in the order of taps and
// channels: a pixel depends bitwise on the pixels under the kernel only, and the weight gradient does not
// depend on the number of threads.

void direct_forward(const Conv2dShape& shape, const Conv2dForward<float>& pass);
void direct_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<float>& pass);
void direct_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<float>& pass);

}  // namespace dnsp::kernels::cpu::detail
