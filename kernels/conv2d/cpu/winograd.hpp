#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

/// True for 3×3 kernels and channel counts divisible by 16.
bool winograd_supports(const Conv2dShape& s);

/// F(4×4, 3×3) of Lavin and Gray, "Fast algorithms for convolutional neural networks" (CVPR 2016), in
/// float32: tiles of 4×4 output pixels, aligned to the image corner, with 36 instead of 144 multiplications
/// per channel pair. Relative error about 2e-6 (direct sum: 4e-7). A tile depends bitwise on its 6×6 input
/// pixels only.
inline constexpr int winograd_tile = conv2d_alignment;

template <class In, class Out>
void winograd_forward(const Conv2dShape& shape, const Conv2dForward<In, Out>& pass);
template <class In, class Out>
void winograd_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<In, Out>& pass);
/// Bitwise independent of the number of threads.
template <class In, class Out>
void winograd_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<In, Out>& pass);

// The transforms are rounded to bfloat16 and multiplied by the unit of this process (bfloat16/unit.hpp).
template <class In, class Out>
void bfloat16_winograd_forward(const Conv2dShape& shape, const Conv2dForward<In, Out>& pass);
template <class In, class Out>
void bfloat16_winograd_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<In, Out>& pass);

}  // namespace dnsp::kernels::cpu::detail
