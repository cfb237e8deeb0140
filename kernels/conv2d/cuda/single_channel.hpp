#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

// Convolutions between one channel and many, the first and the last layer of every network here. In names,
// `wide` is the image of many channels, and the other one has no adjective:
//   expand     wide[p, c]  = Σ_tap image[p + tap] · weight[c, tap]          forward from one channel
//   collapse   image[p]    = Σ_tap,c wide[p + tap, c] · weight[c, tap]      forward to one channel
//   correlate  weight gradient[c, tap] = Σ_p wide[p, c] · image[p + tap]    either way
// The gradient of an input is the other one of the first two, with the taps turned by 180°.
// In T on CUDA cores. There are so few multiplications for each number of the large array that they are bound
// by its traffic (3×3, 5×5) or nearly so (9×9), and a tile of a GEMM would be mostly padding.
//
// All arrays must be aligned to 16 bytes.

/// True if the kernel is odd and at most 11 × 11, one channel count is 1, and the other fills vectors of 16
/// bytes.
template <class T>
bool single_channel_supports(const Conv2dShape& shape);

template <class T>
void single_channel_forward(const Conv2dShape& shape, const Conv2dForward<T>& pass);
/// With more than one output channel by tiled_backward_input(): nothing asks for the gradient of a network's
/// input.
template <class T>
void single_channel_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<T>& pass);
template <class T>
void single_channel_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<T>& pass);

}  // namespace dnsp::kernels::cuda::detail
