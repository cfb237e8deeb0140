#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

// Convolutions on tensor cores by mma.sync: an implicit GEMM. Operands are rounded to tf32 or bfloat16
// (conv2d_options()) as they are loaded, and summed in float32. Arrays are float32, laid out as in
// conv2d.hpp, aligned to 16 bytes. The passes throw Error if the precision is float32.

/// True if the device has compute capability 8.0 or higher, both channel counts are divisible by 8, and the
/// number of pixels fits into an int.
bool mma_supports(const Conv2dShape& shape);

void mma_forward(const Conv2dShape& shape, const Conv2dForward<float>& pass);

void mma_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<float>& pass);

void mma_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<float>& pass);

}  // namespace dnsp::kernels::cuda::detail
