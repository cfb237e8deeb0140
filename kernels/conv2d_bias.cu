#include <algorithm>

#include "kernels/conv2d_mixed.hpp"
#include "kernels/conv2d_partial_sums.hpp"
#include "kernels/simt/simt.cuh"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int block_threads = 256, sum_columns = 32, sum_rows = 8;

__device__ __forceinline__ float number(bfloat16 stored) { return static_cast<float>(stored); }
template <class T>
__device__ __forceinline__ T number(T value) {
    return value;
}

/// Neighbouring channels of a pixel, read at once.
template <class T, int width>
struct alignas(sizeof(T) * width) Channels {
    T channel[width];
};

/// partial[split, o] = Σ gradient[pixel, o] over the pixels of a split. A thread has `width` channels, 16
/// bytes of them where the rows of channels allow it. A block owns a split and up to 256 · width channels;
/// its threads are as many whole rows of these as fit, so that neighbours read neighbouring numbers, and each
/// adds every rows-th pixel. The rows are then folded together, half onto half. Bound by device memory.
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

/// A block owns 32 numbers and has 8 rows of threads, each of which adds every eighth part; the rows are then
/// added in order. Bound by device memory.
template <class Partial, class T>
__global__ void __launch_bounds__(sum_columns* sum_rows)
    add_parts(std::int64_t count, std::int64_t parts, double scale, const Partial* __restrict__ partial,
              T* __restrict__ result) {
    __shared__ simt::SharedArray<double, sum_rows, sum_columns> sums;
    const int column = static_cast<int>(threadIdx.x) % sum_columns,
              row = static_cast<int>(threadIdx.x) / sum_columns;
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * sum_columns + column;
    double sum = 0.0;
    if (i < count) {
#pragma unroll 4
        for (std::int64_t part = row; part < parts; part += sum_rows) sum += partial[part * count + i];
    }
    sums[row][column] = sum;
    __syncthreads();
    if (row != 0 || i >= count) return;
    for (int r = 1; r < sum_rows; ++r) sum += sums[r][column];
    result[i] = static_cast<T>(scale * sum);
}

std::int64_t parts_of(std::int64_t count, std::int64_t size) { return (count + size - 1) / size; }

}  // namespace

template <class Partial, class T>
void detail::add_partial_sums(std::int64_t count, std::int64_t parts, double scale, const Partial* partial,
                              T* result) {
    simt::launch(add_parts<Partial, T>, dim3(static_cast<unsigned>(parts_of(count, sum_columns))),
                 dim3(sum_columns * sum_rows), 0, count, parts, scale, partial, result);
}

namespace {

template <int width, class Gradient, class T>
void sum_over_pixels_by(const Conv2dShape& s, const Gradient* output_gradient, double scale,
                        T* bias_gradient) {
    // Enough splits to fill a large device, none with too little to do.
    constexpr std::int64_t most_splits = 256, fewest_numbers = 4096;
    const std::int64_t columns = s.out_channels / width;
    const std::int64_t wanted =
        std::clamp<std::int64_t>(s.output_elements() / fewest_numbers, 1, most_splits);
    const std::int64_t pixels_per_split = parts_of(s.pixels(), wanted);
    const std::int64_t splits = s.pixels() == 0 ? 0 : parts_of(s.pixels(), pixels_per_split);
    const simt::Workspace<double> partial(splits * s.out_channels);
    simt::launch(sum_columns_of_pixels<width, Gradient>,
                 dim3(static_cast<unsigned>(splits * parts_of(columns, block_threads))), dim3(block_threads),
                 0, s.pixels(), pixels_per_split, s.out_channels, splits, output_gradient, partial.data());
    detail::add_partial_sums(s.out_channels, splits, scale, partial.data(), bias_gradient);
}

template <class Gradient, class T>
void sum_over_pixels(const Conv2dShape& s, const Gradient* output_gradient, double scale, T* bias_gradient) {
    constexpr int width = 16 / sizeof(Gradient);
    if (s.out_channels % width == 0 && simt::are_aligned(output_gradient))
        sum_over_pixels_by<width>(s, output_gradient, scale, bias_gradient);
    else
        sum_over_pixels_by<1>(s, output_gradient, scale, bias_gradient);
}

}  // namespace

template <class T>
void conv2d_backward_bias(const Conv2dShape& s, const T* output_gradient, double scale, T* bias_gradient) {
    sum_over_pixels(s, output_gradient, scale, bias_gradient);
}

template <class Out>
void conv2d_mixed_backward_bias(const Conv2dShape& s, const Out* output_gradient, double scale,
                                float* bias_gradient) {
    sum_over_pixels(s, output_gradient, scale, bias_gradient);
}

template void detail::add_partial_sums(std::int64_t, std::int64_t, double, const float*, float*);
template void detail::add_partial_sums(std::int64_t, std::int64_t, double, const double*, double*);
template void detail::add_partial_sums(std::int64_t, std::int64_t, double, const double*, float*);
template void conv2d_mixed_backward_bias(const Conv2dShape&, const float*, double, float*);
template void conv2d_mixed_backward_bias(const Conv2dShape&, const bfloat16*, double, float*);
template void conv2d_backward_bias(const Conv2dShape&, const float*, double, float*);
template void conv2d_backward_bias(const Conv2dShape&, const double*, double, double*);

}  // namespace dnsp::kernels::cuda
