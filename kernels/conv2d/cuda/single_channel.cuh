#pragma once

// What the convolutions between one channel and many share. `image` is the array of one channel, `wide` the
// one of many, of which a thread owns vectors of 16 bytes. Kernel widths are known at compile time, so that a
// thread keeps a row of taps in registers.
#include <type_traits>

#include "base/divide_up.hpp"
#include "base/error.hpp"
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda::detail {

constexpr int max_taps = 11;       ///< of a kernel's side
constexpr int block_vectors = 16;  ///< of channels
constexpr int tile_rows = 8;

/// Where the tap, numbered row by row, of a channel of the wide array lies in the weights. `flipped`: the tap
/// is that of the convolution with a flipped kernel which runs.
struct WeightLayout {
    int first, channel_stride, tap_stride;

    static WeightLayout of(const Conv2dShape& s, bool flipped) {
        const int channels = static_cast<int>(s.in_channels),
                  taps = static_cast<int>(s.kernel_height * s.kernel_width);
        const int channel_stride = s.in_channels == 1 ? taps : 1, tap_stride = channels;
        return flipped ? WeightLayout{(taps - 1) * tap_stride, channel_stride, -tap_stride}
                       : WeightLayout{0, channel_stride, tap_stride};
    }
    __device__ __forceinline__ int at(int channel, int tap) const {
        return first + channel * channel_stride + tap * tap_stride;
    }
};

struct SingleChannelShape {
    int height, width, channels, kernel_height;
    int tiles_down, tiles_across, tiles;  ///< of an image, and of all
    int channel_blocks;

    SingleChannelShape(const Conv2dShape& s, int tile_height, int tile_width, std::int64_t block_channels)
        : height(static_cast<int>(s.height)),
          width(static_cast<int>(s.width)),
          channels(static_cast<int>(s.in_channels * s.out_channels)),
          kernel_height(static_cast<int>(s.kernel_height)),
          tiles_down(divide_up(height, tile_height)),
          tiles_across(divide_up(width, tile_width)),
          tiles(static_cast<int>(s.batch) * tiles_down * tiles_across),
          channel_blocks(static_cast<int>(divide_up(channels, block_channels))) {
        require(s.pixels() < 1 << 30, "[conv2d] expects fewer than 2^30 pixels");
    }
};

struct TileCorner {
    int first_pixel;  ///< of the image
    int top, left;

    __device__ __forceinline__ TileCorner(const SingleChannelShape& s, int tile, int tile_height,
                                          int tile_width)
        : first_pixel(tile / s.tiles_across / s.tiles_down * s.height * s.width),
          top(tile / s.tiles_across % s.tiles_down * tile_height),
          left(tile % s.tiles_across * tile_width) {}
};

/// A tile of the image with half a kernel around it, zero outside of the image, in shared memory.
template <int tile_width, int kernel_width, class T>
using ImageTile = simt::SharedArray<T, tile_rows + max_taps - 1, tile_width + kernel_width - 1>;

template <int tile_width, int kernel_width, class T>
__device__ __forceinline__ void load_tile(const SingleChannelShape& s, const T* image,
                                          const TileCorner& corner,
                                          ImageTile<tile_width, kernel_width, T>& tile) {
    constexpr int columns = tile_width + kernel_width - 1;
    const int elements = (tile_rows + s.kernel_height - 1) * columns;
    for (int i = static_cast<int>(threadIdx.x); i < elements; i += static_cast<int>(blockDim.x)) {
        const int y = corner.top + i / columns - s.kernel_height / 2,
                  x = corner.left + i % columns - kernel_width / 2;
        const bool inside = y >= 0 && y < s.height && x >= 0 && x < s.width;
        tile[i / columns][i % columns] = inside ? image[corner.first_pixel + y * s.width + x] : T(0);
    }
}

/// body(std::integral_constant<int, kernel_width>)
template <class Body>
void with_kernel_width(std::int64_t kernel_width, Body&& body) {
    switch (kernel_width) {
        case 1:
            return body(std::integral_constant<int, 1>());
        case 3:
            return body(std::integral_constant<int, 3>());
        case 5:
            return body(std::integral_constant<int, 5>());
        case 7:
            return body(std::integral_constant<int, 7>());
        case 9:
            return body(std::integral_constant<int, 9>());
        case max_taps:
            return body(std::integral_constant<int, max_taps>());
        default:
            throw Error("[conv2d] single channels are for odd kernels of up to 11 taps across");
    }
}

}  // namespace dnsp::kernels::cuda::detail
