#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

/// Convolutions by im2col and a product of matrices of cuBLAS, chunk by chunk of pixels, so that the matrix
/// of columns takes no more than `column_bytes`. In T throughout, float32 also where tf32 or bfloat16 is the
/// chosen precision. Arrays are laid out as in conv2d.hpp; outputs are overwritten.
constexpr std::int64_t most_column_bytes = 256 << 20;

/// Makes cuBLAS ready. Throws where it is missing.
void open_cublas();

template <class T>
void cublas_forward(const Conv2dShape& shape, const T* input, const T* weight, const T* bias,
                    const Conv2dEpilogue<T>& epilogue, T* output,
                    std::int64_t column_bytes = most_column_bytes);
template <class T>
void cublas_backward_input(const Conv2dShape& shape, const T* output_gradient, double scale, const T* weight,
                           const T* rectified_input, const T* added, T* input_gradient,
                           std::int64_t column_bytes = most_column_bytes);
template <class T>
void cublas_backward_weight(const Conv2dShape& shape, const T* input, const T* output_gradient, double scale,
                            T* weight_gradient, std::int64_t column_bytes = most_column_bytes);

}  // namespace dnsp::kernels::cuda::detail
