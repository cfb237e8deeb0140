#pragma once

#include <cstdint>

#include "base/divide_up.hpp"
#include "kernels/kernel.hpp"

/// Exchanges resolution for channels (Shi et al. 2016, "sub-pixel convolution"). With f = factor,
///   low[n, Y, X, f²·c + f·i + j] = high[n, f·Y + i, f·X + j, c],   0 ≤ i, j < f
/// The order of the channels is that of PyTorch's pixel_unshuffle and pixel_shuffle. Layouts: NHWC, dense.
namespace dnsp::kernels {

/// Sides that are not multiples of the factor are rounded up at low resolution. A low-resolution element that
/// lies outside of the high-resolution image is padding.
struct PixelShuffleShape {
    std::int64_t batch = 1;
    std::int64_t height = 1, width = 1;  ///< at high resolution
    std::int64_t channels = 1;           ///< at high resolution
    std::int64_t factor = 1;

    constexpr std::int64_t low_height() const { return divide_up(height, factor); }
    constexpr std::int64_t low_width() const { return divide_up(width, factor); }
    constexpr std::int64_t low_channels() const { return channels * factor * factor; }
    constexpr std::int64_t elements() const { return batch * height * width * channels; }
    constexpr std::int64_t low_elements() const {
        return batch * low_height() * low_width() * low_channels();
    }
};

/// low[…] = high[…]; padding is 0. The arrays must not overlap. The transpose of pixel_shuffle.
DNSP_DECLARE_KERNEL(pixel_unshuffle, const PixelShuffleShape& shape, const T* high, T* low);

/// high[…] = low[…]; padding is not read. The arrays must not overlap. The transpose of pixel_unshuffle.
DNSP_DECLARE_KERNEL(pixel_shuffle, const PixelShuffleShape& shape, const T* low, T* high);

}  // namespace dnsp::kernels
