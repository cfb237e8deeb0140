#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

/// 1×1 convolutions between many channels (SRCNN's mapping) in float: products of a matrix of pixels with one
/// of weights, of tiles that stay in registers. The arrays are barely worth their way through memory once, so
/// bias, ReLU, residual and the ReLU's mask are done before a tile is written.
///
/// Whether the kernel is 1×1 and both numbers of channels are multiples of 16.
bool pointwise_serves(const Conv2dShape& shape);

void pointwise_forward(const Conv2dShape& shape, const float* input, const float* weight, const float* bias,
                       const Conv2dEpilogue<float>& epilogue, float* output);
void pointwise_backward_input(const Conv2dShape& shape, const float* output_gradient, double scale,
                              const float* weight, const float* rectified_input, const float* added,
                              float* input_gradient);
/// bias_gradient may be null.
void pointwise_backward_weight(const Conv2dShape& shape, const float* input, const float* output_gradient,
                               double scale, float* weight_gradient, float* bias_gradient);

}  // namespace dnsp::kernels::cpu::detail
