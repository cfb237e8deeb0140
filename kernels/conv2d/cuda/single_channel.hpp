#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

// Convolutions between one channel and many: the first and last layers of networks. Names: `wide` is the
// image of many channels, `image` the image of one channel.
//   expand     wide[p, c]  = Σ_tap image[p + tap] · weight[c, tap]          forward from one channel
//   collapse   image[p]    = Σ_tap,c wide[p + tap, c] · weight[c, tap]      forward to one channel
//   correlate  weight gradient[c, tap] = Σ_p wide[p, c] · image[p + tap]    either way
// The gradient of an input is the other one of expand and collapse, with taps rotated by 180°. Computed in T
// on CUDA cores. There are few multiplications per number of the wide array: 3×3 and 5×5 kernels are bound by
// its traffic, 9×9 kernels nearly so. A GEMM tile would be mostly padding.
//
// Precondition: all arrays are aligned to 16 bytes.

/// True if the kernel is odd and at most 11 × 11, one channel count is 1, and the other fills vectors of 16
/// bytes.
template <class T>
bool single_channel_supports(const Conv2dShape& shape);

template <class T>
void single_channel_forward(const Conv2dShape& shape, const Conv2dForward<T>& pass);
/// Delegates to tiled_backward_input() for more than one output channel. Networks do not need this case: it
/// is the gradient of their input.
template <class T>
void single_channel_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<T>& pass);
template <class T>
void single_channel_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<T>& pass);

}  // namespace dnsp::kernels::cuda::detail
