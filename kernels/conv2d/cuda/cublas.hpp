#pragma once

#include "kernels/conv2d/conv2d.hpp"

// Convolutions by im2col and a GEMM of cuBLAS, chunk by chunk of pixels, so that the matrix of columns takes
// no more than `column_bytes`. In T throughout, float32 also where tf32 or bfloat16 is the chosen precision.
namespace dnsp::kernels::cuda::detail {

constexpr std::int64_t max_column_bytes = 256 << 20;

/// Makes cuBLAS ready. Throws where it is missing.
void open_cublas();

template <class T>
void cublas_forward(const Conv2dShape& shape, const Conv2dForward<T>& pass, std::int64_t column_bytes);
template <class T>
void cublas_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<T>& pass,
                           std::int64_t column_bytes);
template <class T>
void cublas_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<T>& pass,
                            std::int64_t column_bytes);

// With max_column_bytes.
template <class T>
void cublas_forward(const Conv2dShape& shape, const Conv2dForward<T>& pass) {
    cublas_forward(shape, pass, max_column_bytes);
}
template <class T>
void cublas_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<T>& pass) {
    cublas_backward_input(shape, pass, max_column_bytes);
}
template <class T>
void cublas_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<T>& pass) {
    cublas_backward_weight(shape, pass, max_column_bytes);
}

}  // namespace dnsp::kernels::cuda::detail
