#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

// Convolutions on Hopper's tensor cores by wgmma with TMA loads. Images are bfloat16, laid out as in
// conv2d.hpp, aligned to 16 bytes. Weights are rounded to bfloat16, sums are accumulated in float32, and
// images are rounded once when they are written. The bias may be null.

/// True if the device has compute capability 9.0 and the program has code for it (kernels/simt/hopper.hpp),
/// both channel counts are divisible by 64, the kernel is at most 11 high, and the number of pixels fits into
/// an int.
bool wgmma_supports(const Conv2dShape& shape);

void wgmma_forward(const Conv2dShape& shape, const Conv2dForward<bfloat16>& pass);
/// The kernel reads one image besides the gradient. With both `relu_output` and `accumulate` it delegates to
/// widened_backward_input().
void wgmma_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<bfloat16>& pass);
void wgmma_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<bfloat16>& pass);

}  // namespace dnsp::kernels::cuda::detail
