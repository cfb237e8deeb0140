#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

/// The passes of conv2d.hpp in float64, which gradient checks use, by im2col and a matrix product on Eigen,
/// image by image.
void im2col_forward(const Conv2dShape& shape, const double* input, const double* weight, const double* bias,
                    const Conv2dEpilogue<double>& epilogue, double* output);
void im2col_backward_input(const Conv2dShape& shape, const double* output_gradient, double scale,
                           const double* weight, const double* rectified_input, const double* added,
                           double* input_gradient);
void im2col_backward_weight(const Conv2dShape& shape, const double* input, const double* output_gradient,
                            double scale, double* weight_gradient, double* bias_gradient);

}  // namespace dnsp::kernels::cpu::detail
