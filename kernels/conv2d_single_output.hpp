#pragma once

#include "kernels/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

/// The last layer of every network here has one output channel, which leaves a blocked convolution 15 of 16
/// vector lanes idle (5×5, 32 → 1: 16 GFLOP/s). Both passes become matrix products with the taps as rows, one
/// image at a time:
///   Z[tap, pixel] = Σ_c weight[tap, c] · input[pixel, c],   output[pixel] = bias + Σ_tap Z[tap, pixel +
///   offset(tap)] weight_gradient[tap, c] = Σ_pixel G[tap, pixel] · input[pixel, c],   G[tap, pixel] =
///   gradient[pixel − offset(tap)]
bool has_single_output(const Conv2dShape& shape);

void single_output_forward(const Conv2dShape& shape, const float* input, const float* weight,
                           const float* bias, Activation activation, float* output);
void single_output_backward_weight(const Conv2dShape& shape, const float* input, const float* output_gradient,
                                   float* weight_gradient, float* bias_gradient);

}  // namespace dnsp::kernels::cpu::detail
