#pragma once

#include <string>

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

/// Convolutions of cuDNN 9, which is opened when it is first asked for. float32 in memory; float32 precision
/// is plain FMA, tf32 allows tensor cores, and bfloat16 is computed as tf32. Of cuDNN's algorithms, the
/// fastest that is deterministic, by its own estimate.
bool cudnn_available();
std::string cudnn_unavailable_reason();

/// As in conv2d.hpp; outputs are overwritten. Throw Error with cuDNN's sentence.
void cudnn_forward(const Conv2dShape& shape, Conv2dPrecision precision, const float* input,
                   const float* weight, const float* bias, const Conv2dEpilogue<float>& epilogue,
                   float* output);
void cudnn_backward_input(const Conv2dShape& shape, Conv2dPrecision precision, const float* output_gradient,
                          double scale, const float* weight, const float* rectified_input, const float* added,
                          float* input_gradient);
void cudnn_backward_weight(const Conv2dShape& shape, Conv2dPrecision precision, const float* input,
                           const float* output_gradient, double scale, float* weight_gradient);

}  // namespace dnsp::kernels::cuda::detail
