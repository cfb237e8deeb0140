#pragma once

#include "kernels/bfloat16.hpp"
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/conv2d/cuda/partial_sums.hpp"

namespace dnsp::kernels::cuda::detail {

/// Convolutions on Hopper's tensor cores, by wgmma fed by bulk tensor copies. Images are bfloat16, laid out
/// as in conv2d.hpp and aligned to 16 bytes; weights, biases and weight gradients are float32. Weights are
/// rounded to bfloat16 on the way, products are summed in float32, and images are rounded once, when they are
/// written. Outputs are overwritten.
///
/// Whether the device is of compute capability 9.0, both numbers of channels are divisible by 64, the kernel
/// is at most 11 high, and there are fewer pixels than an int counts.
bool wgmma_supports(const Conv2dShape& shape);

/// `bias` may be null.
void wgmma_forward(const Conv2dShape& shape, const bfloat16* input, const float* weight, const float* bias,
                   const Conv2dEpilogue<bfloat16>& epilogue, bfloat16* output);

/// One of `rectified_input` and `added` is null, or both; see conv2d.hpp.
void wgmma_backward_input(const Conv2dShape& shape, const bfloat16* output_gradient, double scale,
                          const float* weight, const bfloat16* rectified_input, const bfloat16* added,
                          bfloat16* input_gradient);

/// `of_bias` is added up on the way.
void wgmma_backward_weight(const Conv2dShape& shape, const bfloat16* input, const bfloat16* output_gradient,
                           double scale, float* weight_gradient,
                           const PartialSums<double, float>* of_bias = nullptr);

}  // namespace dnsp::kernels::cuda::detail
