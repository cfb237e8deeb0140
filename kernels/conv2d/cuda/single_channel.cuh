#pragma once

// Shared by the convolutions between one channel and many. `image` is the array of one channel, `wide` the
// array of many; a thread owns vectors of 16 bytes of it. Kernel widths are compile-time constants, so that a
// thread keeps a row of taps in registers.
#include <type_traits>

#include "base/divide_up.hpp"
#include "base/error.hpp"
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda::detail {

constexpr int max_taps = 11;       ///< of a side of the kernel
constexpr int block_vectors = 16;  ///< vectors of channels per block
constexpr int tile_rows = 8;

/// Maps a tap (row by row) and a channel of the wide array to an index in the weights. `flipped`: the tap
/// belongs to a convolution with the flipped kernel.
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
    int tiles_down, tiles_across, tiles;  ///< per image; of all images
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
    int first_pixel;  ///< first pixel of the image
    int top, left;

    __device__ __forceinline__ TileCorner(const SingleChannelShape& s, int tile, int tile_height,
                                          int tile_width)
        : first_pixel(tile / s.tiles_across / s.tiles_down * s.height * s.width),
          top(tile / s.tiles_across % s.tiles_down * tile_height),
          left(tile % s.tiles_across * tile_width) {}
};

/// A tile of the image and its halo in shared memory, zero outside the image.
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

/// Calls body(std::integral_constant<int, kernel_width>).
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
            throw Error("[conv2d] single-channel kernels support odd sizes up to 11");
    }
}

}  // namespace dnsp::kernels::cuda::detail
