#pragma once

#include <string>

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

/// Convolutions by cuDNN 9, loaded on first use. Arrays are float32. float32 precision uses plain FMA, tf32
/// allows tensor cores, and bfloat16 is computed as tf32. Uses the fastest deterministic algorithm by cuDNN's
/// estimate.
bool cudnn_available();
std::string cudnn_unavailable_reason();

/// Compute in the precision of conv2d_options(). Throw Error with cuDNN's message.
void cudnn_forward(const Conv2dShape& shape, const Conv2dForward<float>& pass);
void cudnn_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<float>& pass);
void cudnn_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<float>& pass);

}  // namespace dnsp::kernels::cuda::detail
