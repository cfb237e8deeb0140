#include <algorithm>

#include "kernels/conv2d_mixed.hpp"
#include "kernels/conv2d_partial_sums.hpp"
#include "kernels/simt/simt.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int most_columns = 256, sum_columns = 32, sum_rows = 8;

__device__ __forceinline__ float number(bfloat16 stored) { return static_cast<float>(stored); }
template <class T>
__device__ __forceinline__ T number(T value) {
    return value;
}

/// partial[split, o] = Σ gradient[pixel, o] over the pixels of a split. A block owns a split and up to 256
/// channels; its threads are as many whole rows of these as fit, so that neighbours read neighbouring
/// numbers, and each adds every rows-th pixel. The rows are then folded together, half onto half. Bound by
/// device memory.
template <class T>
__global__ void __launch_bounds__(most_columns)
    sum_columns_of_pixels(std::int64_t pixels, std::int64_t pixels_per_split, int channels, int splits,
                          const T* __restrict__ gradient, double* __restrict__ partial) {
    __shared__ simt::SharedArray<double, most_columns> sums;
    const int split = static_cast<int>(blockIdx.x) % splits,
              first_channel = static_cast<int>(blockIdx.x) / splits * most_columns;
    const int columns = min(most_columns, channels - first_channel);
    const int thread = static_cast<int>(threadIdx.x), column = thread % columns, row = thread / columns;
    int rows = most_columns / columns;

    double sum = 0.0;
    if (row < rows) {
        const std::int64_t first = split * pixels_per_split, end = min(pixels, first + pixels_per_split);
        const T* source = gradient + first_channel + column;
#pragma unroll 4
        for (std::int64_t pixel = first + row; pixel < end; pixel += rows)
            sum += number(source[pixel * channels]);
    }
    sums[thread] = sum;
    while (rows > 1) {
        __syncthreads();
        const int upper = rows / 2;
        rows -= upper;
        if (row < upper) sums[thread] += sums[thread + rows * columns];
    }
    if (row == 0)
        partial[static_cast<std::int64_t>(split) * channels + first_channel + column] = sums[thread];
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

template <class Gradient, class T>
void sum_over_pixels(const Conv2dShape& s, const Gradient* output_gradient, double scale, T* bias_gradient) {
    // Enough splits to fill a large device, none with too little to do.
    constexpr std::int64_t most_splits = 512, fewest_numbers = 4096;
    const std::int64_t columns = std::min<std::int64_t>(s.out_channels, most_columns);
    const std::int64_t wanted =
        std::clamp<std::int64_t>(s.pixels() * columns / fewest_numbers, 1, most_splits);
    const std::int64_t pixels_per_split = parts_of(s.pixels(), wanted);
    const std::int64_t splits = s.pixels() == 0 ? 0 : parts_of(s.pixels(), pixels_per_split);
    const simt::Workspace<double> partial(splits * s.out_channels);
    simt::launch(sum_columns_of_pixels<Gradient>,
                 dim3(static_cast<unsigned>(splits * parts_of(s.out_channels, most_columns))),
                 dim3(most_columns), 0, s.pixels(), pixels_per_split, s.out_channels, splits, output_gradient,
                 partial.data());
    detail::add_partial_sums(s.out_channels, splits, scale, partial.data(), bias_gradient);
}

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
