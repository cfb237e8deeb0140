#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

// Convolutions in float64, for gradient checks, by im2col and an Eigen GEMM, image by image.

void im2col_forward(const Conv2dShape& shape, const Conv2dForward<double>& pass);
void im2col_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<double>& pass);
void im2col_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<double>& pass);

}  // namespace dnsp::kernels::cpu::detail
