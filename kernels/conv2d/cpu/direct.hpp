#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

/// Direct convolution in float32 for every kernel and all numbers of channels; the contract is that of
/// conv2d.hpp. Every sum runs in the order of the taps and channels. So the bits of a pixel depend on the
/// pixels under the kernel alone, and the weight's gradient does not depend on the number of threads.
void direct_forward(const Conv2dShape& shape, const float* input, const float* weight, const float* bias,
                    const Conv2dEpilogue<float>& epilogue, float* output);
void direct_backward_input(const Conv2dShape& shape, const float* output_gradient, double scale,
                           const float* weight, const float* rectified_input, const float* added,
                           float* input_gradient);
/// bias_gradient may be null.
void direct_backward_weight(const Conv2dShape& shape, const float* input, const float* output_gradient,
                            double scale, float* weight_gradient, float* bias_gradient);

}  // namespace dnsp::kernels::cpu::detail
