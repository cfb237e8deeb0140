#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

/// 3×3 convolutions between channel counts divisible by 16, in float.
bool winograd_serves(const Conv2dShape& s);

/// F(4×4, 3×3) of Lavin and Gray, "Fast algorithms for convolutional neural networks" (CVPR 2016): squares of
/// 4×4 output pixels, aligned to the image's corner, from 36 instead of 144 products a channel pair. Error
/// about 2e-6 of the result's norm (the direct sum: 4e-7). A square's bits depend on the 6×6 pixels it is
/// made of and on nothing else.
inline constexpr int winograd_square = conv2d_alignment;

/// As in conv2d.hpp.
void winograd_forward(const Conv2dShape& s, const float* input, const float* weight, const float* bias,
                      const Conv2dEpilogue<float>& epilogue, float* output);
void winograd_backward_input(const Conv2dShape& s, const float* output_gradient, double scale,
                             const float* weight, const float* rectified_input, const float* added,
                             float* input_gradient);
/// bias_gradient may be null. The bits do not depend on the number of threads.
void winograd_backward_weight(const Conv2dShape& s, const float* input, const float* output_gradient,
                              double scale, float* weight_gradient, float* bias_gradient);

}  // namespace dnsp::kernels::cpu::detail
