#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

// Convolutions as implicit GEMMs on CUDA cores, in T throughout: for every shape of fewer than 2³⁰ pixels.
template <class T>
void tiled_forward(const Conv2dShape& shape, const Conv2dForward<T>& pass);
template <class T>
void tiled_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<T>& pass);
template <class T>
void tiled_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<T>& pass);

/// The weights as the right factor of that GEMM, one row for each tap and input channel, one column
/// for each output channel, zero-filled to whole tiles.
struct PackedShape {
    std::int64_t rows, columns;
    constexpr std::int64_t elements() const { return rows * columns; }
};
PackedShape packed_shape(const Conv2dShape& shape);

/// `shape` is that of the convolution that will run. `backward`: it is the backward pass to the input, and
/// the weights are the forward pass's: their taps are flipped and their channels exchanged.
template <class T>
void pack_weight(const Conv2dShape& shape, bool backward, const T* weight, T* packed);

}  // namespace dnsp::kernels::cuda::detail
