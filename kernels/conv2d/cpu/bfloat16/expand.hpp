#pragma once

#include "kernels/conv2d/cpu/strips.hpp"

namespace dnsp::kernels::cpu::detail {

// From few channels to many in bfloat16: first layers, and the gradient with respect to the input of last
// layers. The input values under the kernel are the rows of a matrix. Each is the sum of two numbers in
// bfloat16, so that an image loses no more than 2⁻¹⁷ of its intensities; weights are rounded to bfloat16,
// sums are float. An output pixel depends bitwise on the pixels under the kernel only.

/// True from at most max_few_channels (few_channels.hpp) channels to a multiple of 16, for a unit that is
/// direct. Precondition: the process has a unit (bfloat16/unit.hpp).
bool bfloat16_expand_supports(const Taps& taps);

template <class In, class Out>
void bfloat16_expand_forward(const Conv2dShape& shape, const Conv2dForward<In, Out>& pass);
template <class In, class Out>
void bfloat16_expand_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<In, Out>& pass);

/// A 1×1 convolution of the result, without storing it as an image: the same bits. Preconditions:
/// bfloat16_expand_supports(…), bfloat16_direct_supports(pointwise), and the first pass has no residual. Its
/// output and the input of the second pass are not used.
void bfloat16_expand_pointwise_forward(const Conv2dShape& shape, const Conv2dForward<float>& pass,
                                       const Conv2dShape& pointwise, const Conv2dForward<float>& last);

}  // namespace dnsp::kernels::cpu::detail
