#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

/// 3×3 convolutions between channel counts divisible by 16, in float.
bool winograd_supports(const Conv2dShape& s);

/// F(4×4, 3×3) of Lavin and Gray, "Fast algorithms for convolutional neural networks" (CVPR 2016): tiles of
/// 4×4 output pixels, aligned to the image's corner, with 36 instead of 144 multiplications a channel pair.
/// Error about 2e-6 of the result's norm (the direct sum: 4e-7). A tile depends bitwise on its 6×6 input
/// pixels and on nothing else.
inline constexpr int winograd_tile = conv2d_alignment;

void winograd_forward(const Conv2dShape& shape, const Conv2dForward<float>& pass);
void winograd_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<float>& pass);
/// Bitwise independent of the number of threads.
void winograd_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<float>& pass);

}  // namespace dnsp::kernels::cpu::detail
