#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

// Direct convolution in float32 for every kernel and all channel counts. Sums run in the order of taps and
// channels: a pixel depends bitwise on the pixels under the kernel only, and the weight gradient does not
// depend on the number of threads.

template <class In, class Out>
void direct_forward(const Conv2dShape& shape, const Conv2dForward<In, Out>& pass);
template <class In, class Out>
void direct_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<In, Out>& pass);
template <class In, class Out>
void direct_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<In, Out>& pass);

}  // namespace dnsp::kernels::cpu::detail
