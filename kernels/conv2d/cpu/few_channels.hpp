#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

// Convolutions between a few channels and many: the first and last layers of networks. Names: `wide` is the
// image of many channels, `image` the image of few channels.
//   expand     wide[p, c]  = Σ_tap,f image[p + tap, f] · weight[c, tap, f]      forward from few channels
//   collapse   image[p, f] = Σ_tap,c wide[p + tap, c] · weight[f, tap, c]       forward to few channels
//   correlate  weight gradient[c, tap, f] = Σ_p wide[p, c] · image[p + tap, f]  either way
// The gradient of an input is the other one of expand and collapse, with taps rotated by 180°. Collapse is
// implemented here, by sums along the channels; direct.hpp implements expand and correlate.

/// 1, or the 4 of a pixel unshuffle by 2. With more channels, direct.hpp is as fast.
inline constexpr std::int64_t max_few_channels = 4;

/// True if one channel count is at most max_few_channels and the other at least 16.
bool few_channels_supports(const Conv2dShape& shape);

template <class In, class Out>
void few_channels_forward(const Conv2dShape& shape, const Conv2dForward<In, Out>& pass);
template <class In, class Out>
void few_channels_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<In, Out>& pass);

}  // namespace dnsp::kernels::cpu::detail
