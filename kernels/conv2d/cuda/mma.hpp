#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

// Convolutions on tensor cores, by mma.sync: an implicit GEMM whose operands are rounded to tf32 or bfloat16,
// as conv2d_options() says, on their way from global memory, and summed in float32. Everything in memory is
// float32, laid out as in conv2d.hpp and aligned to 16 bytes. The passes throw Error where the precision is
// float32.

/// True if the device has such instructions (compute capability 8.0 on), both channel counts are divisible by
/// 8, and there are fewer pixels than an int counts.
bool mma_supports(const Conv2dShape& shape);

void mma_forward(const Conv2dShape& shape, const Conv2dForward<float>& pass);

void mma_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<float>& pass);

void mma_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<float>& pass);

}  // namespace dnsp::kernels::cuda::detail
