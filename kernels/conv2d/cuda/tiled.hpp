#pragma once

#include "kernels/conv2d/conv2d.hpp"
#include "kernels/conv2d/cuda/partial_sums.hpp"

namespace dnsp::kernels::cuda::detail {

/// Convolutions as implicit products of matrices on CUDA cores, in T throughout: for every shape of fewer
/// than 2³⁰ pixels. Arrays are laid out as in conv2d.hpp; outputs are overwritten.
template <class T>
void tiled_forward(const Conv2dShape& shape, const T* input, const T* weight, const T* bias,
                   const Conv2dEpilogue<T>& epilogue, T* output);
template <class T>
void tiled_backward_input(const Conv2dShape& shape, const T* output_gradient, double scale, const T* weight,
                          const T* rectified_input, const T* added, T* input_gradient);
/// `of_bias` is added up on the way.
template <class T>
void tiled_backward_weight(const Conv2dShape& shape, const T* input, const T* output_gradient, double scale,
                           T* weight_gradient, const PartialSums<double, T>* of_bias = nullptr);

/// The weights as the right factor of that product, a row a tap and input channel, a column an output
/// channel, with zeros to fill up tiles.
struct PackedShape {
    std::int64_t rows, columns;
    constexpr std::int64_t elements() const { return rows * columns; }
};
PackedShape packed_shape(const Conv2dShape& shape);

/// `shape` is that of the convolution that will run. With `backward`, the weights are of the convolution
/// whose backward pass to the input that is: their taps are flipped and their channels exchanged.
template <class T>
void pack_weight(const Conv2dShape& shape, bool backward, const T* weight, T* packed);

/// The convolution that the backward pass to the input is.
constexpr Conv2dShape backward_shape(Conv2dShape shape) {
    const std::int64_t in_channels = shape.in_channels;
    shape.in_channels = shape.out_channels;
    shape.out_channels = in_channels;
    return shape;
}

}  // namespace dnsp::kernels::cuda::detail
