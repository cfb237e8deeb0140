#include <algorithm>

#include "kernels/conv2d/cuda/partial_sums.hpp"
#include "kernels/conv2d/cuda/tiled.cuh"
#include "kernels/conv2d/cuda/tiled.hpp"

namespace dnsp::kernels::cuda::detail {
namespace {

/// The split of the sums over pixels.
struct Cut {
    int columns;              ///< weights per output channel
    int tiles, tiles_across;  ///< blocks per split; blocks along the columns
    int splits, pixels_per_split;
    int step_y, step_x;  ///< rows and columns between a pixel and the second pixel after it
};

/// A thread's part of a slab of pixels: one output channel of the gradient and one element of the input at
/// every other pixel. Each load() advances by four of the thread's pixels.
template <class T>
struct SlabLoader {
    static constexpr int stride = tile_threads / tile_extent, rows = tile_depth / stride;
    const T *gradient_source, *input_source;
    bool has_gradient;
    int pixel;
    int y, x, dy, dx;
    T gradient[rows], input[rows];

    __device__ __forceinline__ SlabLoader(const IntShape& s, const Cut& cut, const T* gradients,
                                          const T* inputs, int split, int first_out, int first_column) {
        const int place = static_cast<int>(threadIdx.x) % tile_extent;
        pixel = split * cut.pixels_per_split + static_cast<int>(threadIdx.x) / tile_extent;
        x = pixel % s.width;
        y = pixel / s.width % s.height;

        const int out = first_out + place;
        has_gradient = out < s.out_channels;
        gradient_source = gradients + (std::int64_t{pixel} * s.out_channels + out);

        // Columns past the last one are taps below the kernel. Their sums are computed and discarded.
        const int column = first_column + place, tap = column / s.in_channels;
        dy = tap / s.kernel_width - s.kernel_height / 2;
        dx = tap % s.kernel_width - s.kernel_width / 2;
        input_source =
            inputs + (std::int64_t{pixel + dy * s.width + dx} * s.in_channels + column % s.in_channels);
    }

    __device__ __forceinline__ void load(const IntShape& s, const Cut& cut) {
#pragma unroll
        for (int r = 0; r < rows; ++r) {
            const bool inside = static_cast<unsigned>(y + dy) < static_cast<unsigned>(s.height) &&
                                static_cast<unsigned>(x + dx) < static_cast<unsigned>(s.width);
            gradient[r] = has_gradient && pixel < s.pixels ? *gradient_source : T(0);
            input[r] = inside && pixel < s.pixels ? *input_source : T(0);
            pixel += stride;
            gradient_source += stride * s.out_channels;
            input_source += stride * s.in_channels;
            x += cut.step_x;
            y += cut.step_y + (x >= s.width ? 1 : 0);
            x -= x >= s.width ? s.width : 0;
            y -= y >= s.height ? s.height : 0;
        }
    }

    template <class Slab>
    __device__ __forceinline__ void store(Slab gradients, Slab inputs) const {
        constexpr int width = simt::Vector<T>::width;
        const int place = static_cast<int>(threadIdx.x) % tile_extent;
#pragma unroll
        for (int r = 0; r < rows; ++r) {
            const int k = static_cast<int>(threadIdx.x) / tile_extent + r * stride;
            gradients[k][place / width].element[place % width] = gradient[r];
            inputs[k][place / width].element[place % width] = input[r];
        }
    }
};

/// partial[split, o, column] = Σ_pixel gradient[pixel, o] · input[pixel + tap, channel] over the pixels of a
/// split, column = (tap, channel). A block owns 64 output channels × 64 columns and a split. Slabs of 8
/// pixels pass through registers into one half of shared memory while the other half is multiplied. Bound by
/// arithmetic.
template <class T>
__global__ void __launch_bounds__(tile_threads)
    conv2d_backward_weight_tiled(const IntShape s, const Cut cut, const T* __restrict__ input,
                                 const T* __restrict__ output_gradient, T* __restrict__ partial) {
    __shared__ Slabs<T> gradients, inputs;
    const int split = static_cast<int>(blockIdx.x) / cut.tiles,
              tile_index = static_cast<int>(blockIdx.x) % cut.tiles;
    const int first_out = tile_index / cut.tiles_across * tile_extent,
              first_column = tile_index % cut.tiles_across * tile_extent;

    SlabLoader<T> loader(s, cut, output_gradient, input, split, first_out, first_column);
    const int slabs =
        (min(cut.pixels_per_split, s.pixels - split * cut.pixels_per_split) + tile_depth - 1) / tile_depth;
    loader.load(s, cut);
    loader.store(gradients[0], inputs[0]);
    TileSums<T> tile;
    for (int slab = 0; slab < slabs; ++slab) {
        const bool more = slab + 1 < slabs;
        __syncthreads();
        if (more) loader.load(s, cut);
        tile.multiply_add(gradients[slab % 2], inputs[slab % 2]);
        if (more) loader.store(gradients[(slab + 1) % 2], inputs[(slab + 1) % 2]);
    }

    constexpr int width = simt::Vector<T>::width;
#pragma unroll
    for (int i = 0; i < thread_rows; ++i) {
        const int out = first_out + tile.first_row + i;
        if (out >= s.out_channels) break;
        T* target = partial + (std::int64_t{split} * s.out_channels + out) * cut.columns;
#pragma unroll
        for (int j = 0; j < thread_columns / width; ++j) {
            const int column = first_column + tile.first_column + j * width;
            simt::store_vector(tile.sums[i][j], target, column, min(width, cut.columns - column),
                               cut.columns % width == 0);
        }
    }
}

}  // namespace

template <class T>
void tiled_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<T>& pass) {
    const BiasGradient<T> bias(shape, pass);
    const IntShape s(shape);
    const auto parts = [](std::int64_t number, std::int64_t size) {
        return static_cast<int>(divide_up(number, size));
    };
    Cut cut{};
    cut.columns = s.kernel_height * s.kernel_width * s.in_channels;
    cut.tiles_across = parts(cut.columns, tile_extent);
    cut.tiles = cut.tiles_across * parts(s.out_channels, tile_extent);
    if (s.pixels > 0) {
        // A few rounds of blocks on a large device, each with enough pixels to outweigh the extra sums.
        constexpr int blocks_wanted = 4 * 132, min_pixels = 128;
        const int splits = std::clamp(blocks_wanted / cut.tiles, 1, std::max(1, s.pixels / min_pixels));
        cut.pixels_per_split = parts(parts(s.pixels, splits), tile_depth) * tile_depth;
        cut.splits = parts(s.pixels, cut.pixels_per_split);
        constexpr int stride = SlabLoader<T>::stride;
        cut.step_y = stride / s.width % s.height;
        cut.step_x = stride % s.width;
    }
    const simt::Workspace<T> partial(cut.splits * shape.weight_elements());
    simt::launch(conv2d_backward_weight_tiled<T>, dim3(cut.tiles * cut.splits), dim3(tile_threads), 0, s, cut,
                 pass.input, pass.output_gradient, partial.data());
    add_partial_sums(PartialSums<T, T>{shape.weight_elements(), cut.splits, pass.scale, partial.data(),
                                       pass.weight_gradient},
                     bias.partial_sums());
}

DNSP_INSTANTIATE(tiled_backward_weight);

}  // namespace dnsp::kernels::cuda::detail
