#pragma once

#include "kernels/bfloat16.hpp"
#include "kernels/conv2d/conv2d.hpp"

/// The convolution of conv2d.hpp between images of which at least one side is stored as bfloat16: In and Out
/// are (bfloat16, bfloat16), (float, bfloat16) or (bfloat16, float). For the CUDA device alone. Weights,
/// biases and their gradients are float; sums are, too, and are rounded once, when they are written. bfloat16
/// on both sides runs on Hopper's tensor cores (conv2d_wgmma.hpp) where they serve; everything else by the
/// functions of conv2d.hpp between copies in float.
namespace dnsp::kernels::cuda {

/// Whether convolutions of these channels between images in bfloat16 have a kernel of their own, under the
/// present options: the images inside of a network are then worth storing so.
bool conv2d_stores_bfloat16(std::int64_t in_channels, std::int64_t out_channels);

template <class In, class Out>
void conv2d_mixed_forward(const Conv2dShape& shape, const In* input, const float* weight, const float* bias,
                          const Conv2dEpilogue<Out>& epilogue, Out* output);
template <class In, class Out>
void conv2d_mixed_backward_input(const Conv2dShape& shape, const Out* output_gradient, double scale,
                                 const float* weight, const In* rectified_input, const In* added,
                                 In* input_gradient);
template <class In, class Out>
void conv2d_mixed_backward_weight(const Conv2dShape& shape, const In* input, const Out* output_gradient,
                                  double scale, float* weight_gradient, float* bias_gradient);
template <class Out>
void conv2d_mixed_backward_bias(const Conv2dShape& shape, const Out* output_gradient, double scale,
                                float* bias_gradient);

}  // namespace dnsp::kernels::cuda
