#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

// Convolutions between one channel and many: the first and last layers of networks. Names: `wide` is the
// image of many channels, `image` the image of one channel.
//   expand     wide[p, c]  = Σ_tap image[p + tap] · weight[c, tap]          forward from one channel
//   collapse   image[p]    = Σ_tap,c wide[p + tap, c] · weight[c, tap]      forward to one channel
//   correlate  weight gradient[c, tap] = Σ_p wide[p, c] · image[p + tap]    either way
// The gradient of an input is the other one of expand and collapse, with taps rotated by 180°. Collapse is
// implemented here, by sums along the channels; direct.hpp implements expand and correlate.

/// True if one channel count is 1 and the other at least 16.
bool single_channel_supports(const Conv2dShape& shape);

void single_channel_forward(const Conv2dShape& shape, const Conv2dForward<float>& pass);
void single_channel_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<float>& pass);

}  // namespace dnsp::kernels::cpu::detail
