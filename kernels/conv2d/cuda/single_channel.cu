#include "kernels/conv2d/cuda/single_channel.hpp"

#include "kernels/conv2d/cuda/epilogue.cuh"
#include "kernels/conv2d/cuda/single_channel.cuh"
#include "kernels/conv2d/cuda/tiled.hpp"

namespace dnsp::kernels::cuda::detail {
namespace {

// ---- From one channel to many

constexpr int expand_threads = 256, expand_width = 16, pixels_of_run = 8;

/// wide[p, c] = Σ_ij weight[c, i, j] · image[p + (i, j) − ⌊kernel / 2⌋], with the epilogue. A block owns 8 ×
/// 16 pixels and 16 vectors of channels; a thread owns 8 pixels of a row and one vector. Image tile and
/// weights lie in shared memory. Bound by the writes for small kernels, by arithmetic from 9 × 9 on.
template <int kernel_width, class T>
__global__ void __launch_bounds__(expand_threads)
    expand_channels(const SingleChannelShape s, const WeightLayout layout, const T* __restrict__ image,
                    const T* __restrict__ weight, const Epilogue<T> epilogue) {
    using Vector = simt::Vector<T>;
    constexpr int block_channels = block_vectors * Vector::width;
    __shared__ ImageTile<expand_width, kernel_width, T> tile;
    // Padded by a vector, so that neighbouring taps have no bank conflicts.
    __shared__ simt::SharedArray<Vector, max_taps * kernel_width, block_vectors + 1> weights;

    const int first_channel = static_cast<int>(blockIdx.x) % s.channel_blocks * block_channels;
    const TileCorner corner(s, static_cast<int>(blockIdx.x) / s.channel_blocks, tile_rows, expand_width);
    load_tile<expand_width, kernel_width>(s, image, corner, tile);
    const int taps = s.kernel_height * kernel_width;
    for (int i = static_cast<int>(threadIdx.x); i < taps * block_channels; i += expand_threads) {
        // Neighbouring threads read neighbouring weights.
        const bool taps_first = layout.channel_stride != 1;
        const int tap = taps_first ? i % taps : i / block_channels,
                  channel = taps_first ? i / taps : i % block_channels;
        weights[tap][channel / Vector::width].element[channel % Vector::width] =
            first_channel + channel < s.channels ? weight[layout.at(first_channel + channel, tap)] : T(0);
    }
    __syncthreads();

    const int vector = static_cast<int>(threadIdx.x) % block_vectors;
    const int run = static_cast<int>(threadIdx.x) / block_vectors;
    const int row = run / 2, column = run % 2 * pixels_of_run;
    Vector sums[pixels_of_run] = {};
    for (int i = 0; i < s.kernel_height; ++i) {
        T pixels[pixels_of_run + kernel_width - 1];
#pragma unroll
        for (int k = 0; k < pixels_of_run + kernel_width - 1; ++k) pixels[k] = tile[row + i][column + k];
#pragma unroll
        for (int j = 0; j < kernel_width; ++j) {
            const Vector factor = weights[i * kernel_width + j][vector];
#pragma unroll
            for (int k = 0; k < pixels_of_run; ++k)
#pragma unroll
                for (int e = 0; e < Vector::width; ++e)
                    sums[k].element[e] = fma(factor.element[e], pixels[k + j], sums[k].element[e]);
        }
    }

    const int channel = first_channel + vector * Vector::width, y = corner.top + row;
    if (channel >= s.channels || y >= s.height) return;
    const Vector offset = epilogue.offset(channel, Vector::width);
#pragma unroll
    for (int k = 0; k < pixels_of_run; ++k) {
        const int x = corner.left + column + k;
        if (x < s.width)
            epilogue.write(corner.first_pixel + y * s.width + x, channel, Vector::width, sums[k], offset);
    }
}

template <class T>
void expand(const Conv2dShape& shape, bool flipped, const T* image, const T* weight,
            const Epilogue<T>& epilogue) {
    const SingleChannelShape s(shape, tile_rows, expand_width, block_vectors * simt::Vector<T>::width);
    with_kernel_width(shape.kernel_width, [&](auto kernel_width) {
        simt::launch(expand_channels<kernel_width(), T>,
                     dim3(static_cast<unsigned>(s.tiles) * static_cast<unsigned>(s.channel_blocks)),
                     dim3(expand_threads), 0, s, WeightLayout::of(shape, flipped), image, weight, epilogue);
    });
}

// ---- From many channels to one

constexpr int lanes = 8, collapse_rows = 16, collapse_width = 2 * pixels_of_run,
              collapse_threads = 2 * collapse_rows * lanes;

/// image[p] = Σ_ijc weight[i, j, c] · wide[p + (i, j) − ⌊kernel / 2⌋, c], with the epilogue. A block owns 16
/// × 16 pixels; 8 lanes own 8 pixels of a row. Each lane sums over every eighth vector of channels, one row
/// of taps after the other; shuffles add the lanes. Bound by the reads: those of a row serve all its taps,
/// other rows come from L1.
template <int kernel_width, class T>
__global__ void __launch_bounds__(collapse_threads, sizeof(T) == 4 ? 2 : 1)
    collapse_channels(const SingleChannelShape s, const T* __restrict__ wide, const T* __restrict__ weight,
                      const Epilogue<T> epilogue) {
    using Vector = simt::Vector<T>;
    const int lane = static_cast<int>(threadIdx.x) % lanes, run = static_cast<int>(threadIdx.x) / lanes;
    const TileCorner corner(s, static_cast<int>(blockIdx.x), collapse_rows, collapse_width);
    const int y = corner.top + run / 2, x = corner.left + run % 2 * pixels_of_run;

    T sums[pixels_of_run] = {};
    for (int channel = lane * Vector::width; channel < s.channels; channel += lanes * Vector::width)
        for (int i = 0; i < s.kernel_height; ++i) {
            const int row = y + i - s.kernel_height / 2;
            if (row < 0 || row >= s.height) continue;
            Vector factors[kernel_width];
#pragma unroll
            for (int j = 0; j < kernel_width; ++j)
                factors[j] = *reinterpret_cast<const Vector*>(
                    weight + ((i * kernel_width + j) * s.channels + channel));
            const T* line = wide + (std::int64_t{corner.first_pixel + row * s.width} * s.channels + channel);
#pragma unroll
            for (int k = 0; k < pixels_of_run + kernel_width - 1; ++k) {
                const int column = x + k - kernel_width / 2;
                Vector values{};
                if (column >= 0 && column < s.width)
                    values = *reinterpret_cast<const Vector*>(line + column * s.channels);
#pragma unroll
                for (int j = 0; j < kernel_width; ++j)
                    if (k >= j && k - j < pixels_of_run)
#pragma unroll
                        for (int e = 0; e < Vector::width; ++e)
                            sums[k - j] = fma(factors[j].element[e], values.element[e], sums[k - j]);
            }
        }

    T sum = T(0);
#pragma unroll
    for (int k = 0; k < pixels_of_run; ++k) {
#pragma unroll
        for (int distance = lanes / 2; distance > 0; distance /= 2)
            sums[k] += __shfl_xor_sync(0xffffffffu, sums[k], distance);
        if (lane == k) sum = sums[k];
    }
    if (y < s.height && x + lane < s.width) epilogue.write(corner.first_pixel + y * s.width + x + lane, sum);
}
static_assert(lanes == pixels_of_run, "each lane writes one pixel");

template <class T>
void collapse(const Conv2dShape& shape, const T* wide, const T* weight, const Epilogue<T>& epilogue) {
    const SingleChannelShape s(shape, collapse_rows, collapse_width, 1);
    with_kernel_width(shape.kernel_width, [&](auto kernel_width) {
        simt::launch(collapse_channels<kernel_width(), T>, dim3(static_cast<unsigned>(s.tiles)),
                     dim3(collapse_threads), 0, s, wide, weight, epilogue);
    });
}

}  // namespace

template <class T>
bool single_channel_supports(const Conv2dShape& s) {
    const auto one_to_many = [](std::int64_t one, std::int64_t many) {
        return one == 1 && many % simt::Vector<T>::width == 0;
    };
    const auto is_supported = [](std::int64_t side) { return side % 2 == 1 && side <= max_taps; };
    return (one_to_many(s.in_channels, s.out_channels) || one_to_many(s.out_channels, s.in_channels)) &&
           is_supported(s.kernel_height) && is_supported(s.kernel_width);
}

template <class T>
void single_channel_forward(const Conv2dShape& s, const Conv2dForward<T>& pass) {
    const Epilogue<T> epilogue = epilogue_of(s, pass);
    if (s.in_channels == 1)
        expand(s, false, pass.input, pass.weight, epilogue);
    else
        collapse(s, pass.input, pass.weight, epilogue);
}

template <class T>
void single_channel_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<T>& pass) {
    if (s.out_channels > 1) return tiled_backward_input(s, pass);
    expand(s, true, pass.output_gradient, pass.weight, epilogue_of(s, pass));
}

DNSP_INSTANTIATE(single_channel_supports);
DNSP_INSTANTIATE(single_channel_forward);
DNSP_INSTANTIATE(single_channel_backward_input);

}  // namespace dnsp::kernels::cuda::detail
