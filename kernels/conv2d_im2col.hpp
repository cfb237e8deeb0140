#pragma once

#include "kernels/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

/// Convolution by im2col and a matrix product on Eigen, image by image: slower than oneDNN, but for every
/// shape. Outputs are overwritten.
template <class T>
void im2col_forward(const Conv2dShape& shape, const T* input, const T* weight, const T* bias,
                    Activation activation, T* output);
void im2col_backward_input(const Conv2dShape& shape, const double* output_gradient, const double* weight,
                           double* input_gradient);
void im2col_backward_weight(const Conv2dShape& shape, const double* input, const double* output_gradient,
                            double* weight_gradient, double* bias_gradient);

}  // namespace dnsp::kernels::cpu::detail
