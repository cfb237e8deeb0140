#pragma once

#include "kernels/conv2d/cpu/strips.hpp"

namespace dnsp::kernels::cpu::detail {

// A large kernel from few channels to many (first layers, and the gradient with respect to the input of last
// layers) as a 3×3 kernel from many channels. The taps are split into groups of 3×3, and a group sees the
// image moved by its place in the kernel. Winograd's algorithm (winograd.hpp) then needs 20.25
// multiplications instead of 81 for a 9×9 kernel. A tile of 4×4 output pixels depends bitwise on the input
// pixels up to the kernel's radius around it only.

/// True from at most max_few_channels (few_channels.hpp) channels to a multiple of 16, from 9 groups on,
/// unless the last group in a direction has one tap.
bool winograd_expand_supports(const Conv2dShape& shape, const Taps& taps);

template <class In, class Out>
void winograd_expand_forward(const Conv2dShape& shape, const Conv2dForward<In, Out>& pass);
template <class In, class Out>
void winograd_expand_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<In, Out>& pass);

/// A 1×1 convolution of the result, without storing it as an image: the same bits. Preconditions:
/// winograd_expand_supports(shape, …), pointwise_supports(pointwise), and the first pass has no residual. Its
/// output and the input of the second pass are not used.
void winograd_expand_pointwise_forward(const Conv2dShape& shape, const Conv2dForward<float>& pass,
                                       const Conv2dShape& pointwise, const Conv2dForward<float>& last);
/// The 1×1 convolution in bfloat16, by the unit of this process. Precondition, instead of
/// pointwise_supports(): bfloat16_direct_supports(pointwise).
void winograd_expand_bfloat16_pointwise_forward(const Conv2dShape& shape, const Conv2dForward<float>& pass,
                                                const Conv2dShape& pointwise,
                                                const Conv2dForward<float>& last);

}  // namespace dnsp::kernels::cpu::detail
