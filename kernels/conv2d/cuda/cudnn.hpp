#pragma once

#include <string>

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

/// Convolutions of cuDNN 9, which is opened when it is first asked for. float32 in memory; float32 precision
/// is plain FMA, tf32 allows tensor cores, and bfloat16 is computed as tf32. Of cuDNN's algorithms, the
/// fastest that is deterministic, by its own estimate.
bool cudnn_available();
std::string cudnn_unavailable_reason();

/// In the precision of conv2d_options(). The passes throw Error with cuDNN's sentence.
void cudnn_forward(const Conv2dShape& shape, const Conv2dForward<float>& pass);
void cudnn_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<float>& pass);
void cudnn_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<float>& pass);

}  // namespace dnsp::kernels::cuda::detail
