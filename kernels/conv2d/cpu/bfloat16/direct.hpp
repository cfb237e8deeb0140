#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

// Direct convolution with products of bfloat16: images and weights are rounded to bfloat16, sums are float.
// An output pixel depends bitwise on the pixels under the kernel only.

/// True if the unit of this process (bfloat16/unit.hpp) multiplies these channels. Precondition: there is
/// one.
bool bfloat16_direct_supports(const Conv2dShape& shape);

template <class In, class Out>
void bfloat16_direct_forward(const Conv2dShape& shape, const Conv2dForward<In, Out>& pass);
template <class In, class Out>
void bfloat16_direct_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<In, Out>& pass);

}  // namespace dnsp::kernels::cpu::detail
