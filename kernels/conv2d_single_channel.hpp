#pragma once

#include "kernels/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

/// Convolutions between one channel and many, the first and the last layer of every network here, in T on
/// CUDA cores. There is so little to multiply for each number of the large array that they are bound by its
/// traffic (3×3, 5×5) or nearly so (9×9), and a tile of a matrix product would be mostly padding.
///
/// All arrays must be aligned to 16 bytes. Outputs are overwritten.
///
/// Whether the kernel is odd and at most 11 × 11, one of the numbers of channels is 1, and the other fills
/// whole vectors of 16 bytes.
template <class T>
bool single_channel_serves(const Conv2dShape& shape);

template <class T>
void single_channel_forward(const Conv2dShape& shape, const T* input, const T* weight, const T* bias,
                            const Conv2dEpilogue<T>& epilogue, T* output);
/// For out_channels == 1: nothing asks for the gradient of a network's input.
template <class T>
void single_channel_backward_input(const Conv2dShape& shape, const T* output_gradient, double scale,
                                   const T* weight, const T* rectified_input, const T* added,
                                   T* input_gradient);
template <class T>
void single_channel_backward_weight(const Conv2dShape& shape, const T* input, const T* output_gradient,
                                    double scale, T* weight_gradient);

}  // namespace dnsp::kernels::cuda::detail
