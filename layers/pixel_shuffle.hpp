#pragma once

#include "engine/tape.hpp"

namespace dnsp {

// Exchange resolution for channels, NHWC, in the channel order of PyTorch (kernels/pixel_shuffle.hpp):
//   low[n, Y, X, f²·c + f·i + j] = high[n, f·Y + i, f·X + j, c],   0 ≤ i, j < f
// Types: float32, float64. A factor of 1 returns the input itself.

/// [n, h, w, c] → [n, ⌈h/f⌉, ⌈w/f⌉, c·f²]. Sides that are not multiples of f are extended with zeros below
/// and on the right. Throws Error for another rank and for f < 1.
Tensor pixel_unshuffle(Tape& tape, const Tensor& high, std::int64_t factor);

/// [n, ⌈h/f⌉, ⌈w/f⌉, c·f²] → [n, h, w, c]. What lies outside of height × width is cropped, so that
/// pixel_shuffle(pixel_unshuffle(x)) = x for any h and w. Throws Error for other shapes and for f < 1.
Tensor pixel_shuffle(Tape& tape, const Tensor& low, std::int64_t factor, std::int64_t height,
                     std::int64_t width);

}  // namespace dnsp
