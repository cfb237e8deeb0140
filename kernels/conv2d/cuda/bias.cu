#include <algorithm>

#include "kernels/conv2d/cuda/partial_sums.hpp"
#include "kernels/simt/grid.hpp"
#include "kernels/simt/simt.cuh"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda {
namespace {

using detail::PartialSums;

constexpr int block_threads = 256, sum_columns = 32, sum_rows = 8;

__device__ __forceinline__ float number(bfloat16 stored) { return static_cast<float>(stored); }
template <class T>
__device__ __forceinline__ T number(T value) {
    return value;
}

/// Neighbouring channels of a pixel, loaded at once.
template <class T, int width>
struct alignas(sizeof(T) * width) Channels {
    T channel[width];
};

/// partial[split, o] = Σ gradient[pixel, o] over the pixels of a split. A thread owns `width` channels, 16
/// bytes if the rows of channels are aligned. A block owns a split and up to 256 · width channels. Its
/// threads form as many rows over the channels as fit; each row adds every rows-th pixel, and neighbouring
/// threads read neighbouring numbers. The rows are then folded in halves. Bound by device memory.
template <int width, class T>
__global__ void __launch_bounds__(block_threads, 4)
    sum_columns_of_pixels(std::int64_t pixels, std::int64_t pixels_per_split, int channels, int splits,
                          const T* __restrict__ gradient, double* __restrict__ partial) {
    __shared__ simt::SharedArray<double, width, block_threads> sums;
    const int split = static_cast<int>(blockIdx.x) % splits,
              first_column = static_cast<int>(blockIdx.x) / splits * block_threads;
    const int columns = min(block_threads, channels / width - first_column);
    const int thread = static_cast<int>(threadIdx.x), column = thread % columns, row = thread / columns;
    const int first_channel = (first_column + column) * width;
    int rows = block_threads / columns;

    double sum[width] = {};
    if (row < rows) {
        const std::int64_t first = split * pixels_per_split, end = min(pixels, first + pixels_per_split);
#pragma unroll 4
        for (std::int64_t pixel = first + row; pixel < end; pixel += rows) {
            const auto read =
                *reinterpret_cast<const Channels<T, width>*>(gradient + pixel * channels + first_channel);
#pragma unroll
            for (int c = 0; c < width; ++c) sum[c] += number(read.channel[c]);
        }
    }
#pragma unroll
    for (int c = 0; c < width; ++c) sums[c][thread] = sum[c];
    while (rows > 1) {
        __syncthreads();
        const int upper = rows / 2;
        rows -= upper;
        if (row < upper) {
#pragma unroll
            for (int c = 0; c < width; ++c) sums[c][thread] += sums[c][thread + rows * columns];
        }
    }
    if (row > 0) return;
    double* const own = partial + static_cast<std::int64_t>(split) * channels + first_channel;
#pragma unroll
    for (int c = 0; c < width; ++c) own[c] = sums[c][thread];
}

/// A block owns 32 numbers and has 8 rows of threads. Each row adds every eighth part; the rows are then
/// added in order.
template <class Partial, class T>
__device__ __forceinline__ void add_parts_of_block(const PartialSums<Partial, T>& p, std::int64_t block) {
    __shared__ simt::SharedArray<double, sum_rows, sum_columns> sums;
    const int column = static_cast<int>(threadIdx.x) % sum_columns,
              row = static_cast<int>(threadIdx.x) / sum_columns;
    const std::int64_t i = block * sum_columns + column;
    double sum = 0.0;
    if (i < p.count) {
#pragma unroll 4
        for (std::int64_t part = row; part < p.parts; part += sum_rows) sum += p.partial[part * p.count + i];
    }
    sums[row][column] = sum;
    __syncthreads();
    if (row != 0 || i >= p.count) return;
    for (int r = 1; r < sum_rows; ++r) sum += sums[r][column];
    p.result[i] = static_cast<T>(p.scale * sum);
}

/// The first blocks add `sums`, the others `bias`. Bound by device memory.
template <class Partial, class T>
__global__ void __launch_bounds__(sum_columns* sum_rows)
    add_parts(const PartialSums<Partial, T> sums, const PartialSums<double, T> bias, unsigned blocks) {
    if (blockIdx.x < blocks)
        add_parts_of_block(sums, blockIdx.x);
    else
        add_parts_of_block(bias, blockIdx.x - blocks);
}

/// The split of the pixels: enough splits to fill a large device, each with enough work.
struct Splits {
    std::int64_t pixels, count;

    explicit Splits(const Conv2dShape& s) {
        constexpr std::int64_t max_count = 256, min_elements = 4096;
        const std::int64_t wanted =
            std::clamp<std::int64_t>(s.output_elements() / min_elements, 1, max_count);
        pixels = divide_up(s.pixels(), wanted);
        count = s.pixels() == 0 ? 0 : divide_up(s.pixels(), pixels);
    }
};

template <int width, class Gradient>
void start_sums(const Conv2dShape& s, const Gradient* output_gradient, double* partial) {
    const Splits splits(s);
    const std::int64_t blocks = splits.count * divide_up(s.out_channels / width, block_threads);
    simt::launch(sum_columns_of_pixels<width, Gradient>, dim3(static_cast<unsigned>(blocks)),
                 dim3(block_threads), 0, s.pixels(), splits.pixels, s.out_channels, splits.count,
                 output_gradient, partial);
}

}  // namespace

namespace detail {

template <class Partial, class T>
void add_partial_sums(const PartialSums<Partial, T>& sums, const PartialSums<double, T>& bias) {
    const unsigned blocks = simt::blocks_for(sums.count, sum_columns),
                   bias_blocks = simt::blocks_for(bias.count, sum_columns);
    simt::launch(add_parts<Partial, T>, dim3(blocks + bias_blocks), dim3(sum_columns * sum_rows), 0, sums,
                 bias, blocks);
}

template <class T>
template <class Gradient>
BiasGradient<T>::BiasGradient(const Conv2dShape& s, const Gradient* output_gradient, double scale,
                              T* result) {
    if (!result) return;
    const std::int64_t splits = Splits(s).count;
    double* const partial = partial_.emplace(splits * s.out_channels).data();
    sums_ = {s.out_channels, splits, scale, partial, result};
    constexpr int width = 16 / sizeof(Gradient);
    if (s.out_channels % width == 0 && simt::are_aligned(output_gradient))
        start_sums<width>(s, output_gradient, partial);
    else
        start_sums<1>(s, output_gradient, partial);
}

}  // namespace detail

template <class T>
void conv2d_backward_bias(const Conv2dShape& s, const T* output_gradient, double scale,
                          Conv2dWeight<T>* bias_gradient) {
    const detail::BiasGradient<Conv2dWeight<T>> bias(s, output_gradient, scale, bias_gradient);
    detail::add_partial_sums(bias.partial_sums());
}

DNSP_INSTANTIATE(conv2d_backward_bias);
template decltype(conv2d_backward_bias<bfloat16>) conv2d_backward_bias<bfloat16>;

#define INSTANTIATE(T, Gradient) \
    template detail::BiasGradient<T>::BiasGradient(const Conv2dShape&, const Gradient*, double, T*);
INSTANTIATE(float, float)
INSTANTIATE(float, bfloat16)
INSTANTIATE(double, double)
#undef INSTANTIATE
#define INSTANTIATE(Partial, T)                                                    \
    template void detail::add_partial_sums(const detail::PartialSums<Partial, T>&, \
                                           const detail::PartialSums<double, T>&);
INSTANTIATE(float, float)
INSTANTIATE(double, float)
INSTANTIATE(double, double)
#undef INSTANTIATE

}  // namespace dnsp::kernels::cuda
