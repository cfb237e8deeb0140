#pragma once

#include "kernels/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

/// float32 convolutions of oneDNN over NHWC images, bias and ReLU fused; the weight is reordered into the
/// layout that oneDNN wants for each call. Outputs are overwritten. Throws Error with oneDNN's sentence.
void onednn_forward(const Conv2dShape& shape, const float* input, const float* weight, const float* bias,
                    Activation activation, float* output);
void onednn_backward_input(const Conv2dShape& shape, const float* output_gradient, const float* weight,
                           float* input_gradient);
void onednn_backward_weight(const Conv2dShape& shape, const float* input, const float* output_gradient,
                            float* weight_gradient, float* bias_gradient);

}  // namespace dnsp::kernels::cpu::detail
