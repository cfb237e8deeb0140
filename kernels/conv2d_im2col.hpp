#pragma once

#include "kernels/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

/// conv2d_forward by im2col and a matrix product on Eigen: slower than oneDNN, but for every shape and in
/// both precisions.
template <class T>
void im2col_forward(const Conv2dShape& shape, const T* input, const T* weight, const T* bias,
                    Activation activation, T* output);

}  // namespace dnsp::kernels::cpu::detail
