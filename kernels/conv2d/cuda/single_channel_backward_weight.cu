#include <algorithm>

#include "kernels/conv2d/cuda/partial_sums.hpp"
#include "kernels/conv2d/cuda/single_channel.cuh"
#include "kernels/conv2d/cuda/single_channel.hpp"

namespace dnsp::kernels::cuda::detail {
namespace {

constexpr int max_threads = 256, correlate_width = 32, pixels_at_once = 4;

/// partial[part, c, i, j] = Σ_p wide[p, c] · image[p + (i, j) − ⌊kernel / 2⌋] over the pixels of a part. A
/// block owns a split of the 8 × 32 tiles and 16 vectors of channels. A thread owns a vector, a row of taps
/// and one group of rows of a tile; the group is its part. The image tile lies in shared memory. All rows of
/// taps read the wide array from global memory at about the same time. Bound by these reads for small
/// kernels, by arithmetic from 9 × 9 on.
template <int kernel_width, class T>
__global__ void __launch_bounds__(max_threads, 2)
    correlate_channels(const SingleChannelShape s, const WeightLayout layout, int splits, int groups,
                       const T* __restrict__ wide, const T* __restrict__ image, T* __restrict__ partial) {
    using Vector = simt::Vector<T>;
    __shared__ ImageTile<correlate_width, kernel_width, T> tile;
    const int split = static_cast<int>(blockIdx.x) / s.channel_blocks;
    const int vector = static_cast<int>(threadIdx.x) % block_vectors,
              tap_row = static_cast<int>(threadIdx.x) / block_vectors % s.kernel_height,
              group = static_cast<int>(threadIdx.x) / block_vectors / s.kernel_height;
    const int channel =
        (static_cast<int>(blockIdx.x) % s.channel_blocks * block_vectors + vector) * Vector::width;

    Vector sums[kernel_width] = {};
    for (int index = split; index < s.tiles; index += splits) {
        const TileCorner corner(s, index, tile_rows, correlate_width);
        __syncthreads();  // all threads have read the previous tile
        load_tile<correlate_width, kernel_width>(s, image, corner, tile);
        __syncthreads();
        const int rows = channel < s.channels ? min(tile_rows, s.height - corner.top) : 0,
                  columns = min(correlate_width, s.width - corner.left);
        for (int row = group; row < rows; row += groups) {
            const int first_pixel = corner.first_pixel + (corner.top + row) * s.width + corner.left;
            const T* line = wide + (std::int64_t{first_pixel} * s.channels + channel);
            for (int x = 0; x < columns; x += pixels_at_once) {
                Vector values[pixels_at_once];
#pragma unroll
                for (int k = 0; k < pixels_at_once; ++k) {
                    values[k] = Vector{};
                    if (x + k < columns)
                        values[k] = *reinterpret_cast<const Vector*>(line + (x + k) * s.channels);
                }
                T pixels[pixels_at_once + kernel_width - 1];
#pragma unroll
                for (int k = 0; k < pixels_at_once + kernel_width - 1; ++k)
                    pixels[k] = tile[row + tap_row][x + k];
#pragma unroll
                for (int k = 0; k < pixels_at_once; ++k)
#pragma unroll
                    for (int j = 0; j < kernel_width; ++j)
#pragma unroll
                        for (int e = 0; e < Vector::width; ++e)
                            sums[j].element[e] = fma(values[k].element[e], pixels[k + j], sums[j].element[e]);
            }
        }
    }

    if (channel >= s.channels) return;
    const int weights = s.channels * s.kernel_height * kernel_width;
    T* target = partial + std::int64_t{split * groups + group} * weights;
#pragma unroll
    for (int j = 0; j < kernel_width; ++j)
#pragma unroll
        for (int e = 0; e < Vector::width; ++e)
            target[layout.at(channel + e, tap_row * kernel_width + j)] = sums[j].element[e];
}

}  // namespace

template <class T>
void single_channel_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<T>& pass) {
    const BiasGradient<T> bias(shape, pass);
    // Σ_p gradient[p] · input[p + tap] = Σ_p input[p] · gradient[p − tap].
    const bool flipped = shape.out_channels == 1;
    const T *wide = flipped ? pass.input : pass.output_gradient,
            *image = flipped ? pass.output_gradient : pass.input;
    const SingleChannelShape s(shape, tile_rows, correlate_width, block_vectors * simt::Vector<T>::width);
    const int groups = std::min(tile_rows, max_threads / (block_vectors * s.kernel_height));
    // A few rounds of blocks on a large device, each with at least two tiles to outweigh the extra sums.
    constexpr int blocks_wanted = 4 * 132;
    const int splits = s.tiles == 0 ? 0 : std::clamp(blocks_wanted / s.channel_blocks, 1, (s.tiles + 1) / 2);
    const int parts = splits * groups;
    const simt::Workspace<T> partial(parts * shape.weight_elements());
    with_kernel_width(shape.kernel_width, [&](auto kernel_width) {
        simt::launch(correlate_channels<kernel_width(), T>,
                     dim3(static_cast<unsigned>(splits * s.channel_blocks)),
                     dim3(static_cast<unsigned>(block_vectors * s.kernel_height * groups)), 0, s,
                     WeightLayout::of(shape, flipped), splits, groups, wide, image, partial.data());
    });
    add_partial_sums(
        PartialSums<T, T>{shape.weight_elements(), parts, pass.scale, partial.data(), pass.weight_gradient},
        bias.partial_sums());
}

DNSP_INSTANTIATE(single_channel_backward_weight);

}  // namespace dnsp::kernels::cuda::detail
