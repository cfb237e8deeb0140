#pragma once

#include "kernels/conv2d/conv2d.hpp"

// Convolutions by im2col and a cuBLAS GEMM, in chunks of pixels such that the matrix of columns takes at most
// `column_bytes`. Everything is computed in T: float32 even if tf32 or bfloat16 is selected.
namespace dnsp::kernels::cuda::detail {

constexpr std::int64_t max_column_bytes = 256 << 20;

/// Initialises cuBLAS. Throws Error if it is missing.
void open_cublas();

template <class T>
void cublas_forward(const Conv2dShape& shape, const Conv2dForward<T>& pass, std::int64_t column_bytes);
template <class T>
void cublas_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<T>& pass,
                           std::int64_t column_bytes);
template <class T>
void cublas_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<T>& pass,
                            std::int64_t column_bytes);

// Variants with max_column_bytes.
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
