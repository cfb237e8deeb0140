#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

// Convolutions as implicit GEMMs on CUDA cores, in T, for every shape of fewer than 2³⁰ pixels.
template <class T>
void tiled_forward(const Conv2dShape& shape, const Conv2dForward<T>& pass);
template <class T>
void tiled_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<T>& pass);
template <class T>
void tiled_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<T>& pass);

/// The weights as the right factor of the GEMM: one row per tap and input channel, one column per output
/// channel, zero-filled to whole tiles.
struct PackedShape {
    std::int64_t rows, columns;
    constexpr std::int64_t elements() const { return rows * columns; }
};
PackedShape packed_shape(const Conv2dShape& shape);

/// `shape` is the convolution to run. `backward`: it is the backward pass to the input, and `weight` belongs
/// to the forward pass. Its taps are then flipped and its channels exchanged.
template <class T>
void pack_weight(const Conv2dShape& shape, bool backward, const T* weight, T* packed);

}  // namespace dnsp::kernels::cuda::detail
