#pragma once

#include "kernels/conv2d/conv2d.hpp"
#include "kernels/conv2d/cuda/partial_sums.hpp"

namespace dnsp::kernels::cuda::detail {

/// Convolutions on tensor cores, by mma.sync: an implicit product of matrices in which the operands are
/// rounded to tf32 or bfloat16 on their way from global memory, and summed in float32. Everything in memory
/// is float32, laid out as in conv2d.hpp and aligned to 16 bytes; outputs are overwritten. `precision` is
/// tf32 or bfloat16.
///
/// Whether the device has such instructions (compute capability 8.0 on), both numbers of channels are
/// divisible by 8, and there are fewer pixels than an int counts.
bool mma_supports(const Conv2dShape& shape);

void mma_forward(const Conv2dShape& shape, Conv2dPrecision precision, const float* input, const float* weight,
                 const float* bias, const Conv2dEpilogue<float>& epilogue, float* output);

void mma_backward_input(const Conv2dShape& shape, Conv2dPrecision precision, const float* output_gradient,
                        double scale, const float* weight, const float* rectified_input, const float* added,
                        float* input_gradient);

/// `of_bias` is added up on the way.
void mma_backward_weight(const Conv2dShape& shape, Conv2dPrecision precision, const float* input,
                         const float* output_gradient, double scale, float* weight_gradient,
                         const PartialSums<double, float>* of_bias = nullptr);

}  // namespace dnsp::kernels::cuda::detail
