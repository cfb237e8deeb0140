#include "kernels/batch_norm.hpp"

#include <algorithm>

#include "kernels/simt/grid.hpp"
#include "kernels/simt/simt.cuh"

// All kernels here run in blocks of 32 × 8 threads. Thread (x, y) owns channel 32 · blockIdx.x + x and every
// eighth pixel of a part or of the grid. A warp reads 32 neighbouring channels of a pixel. A thread keeps the
// constants of its channel in registers. Bound by device memory.
namespace dnsp::kernels::cuda {
namespace {

constexpr int columns = 32, rows = 8;
constexpr std::int64_t min_part = 64, max_parts = 256;  // in pixels

dim3 block() { return dim3(columns, rows); }
unsigned channel_blocks(const BatchNormShape& s) { return simt::blocks_for(s.channels, columns); }

__device__ __forceinline__ std::int64_t channel_of_thread() {
    return static_cast<std::int64_t>(blockIdx.x) * columns + threadIdx.x;
}

// ---- Two sums over the pixels for each channel

struct Parts {
    std::int64_t size, count;  // pixels per part, number of parts; depends on the number of pixels only
    explicit Parts(std::int64_t pixels)
        : size(std::max(min_part, divide_up(pixels, max_parts))), count(divide_up(pixels, size)) {}
};

/// Adds the sums of a block's rows in order; row 0 receives the result. All threads must call it.
__device__ __forceinline__ void add_rows(double& first, double& second) {
    __shared__ simt::SharedArray<double, 2, rows, columns> sums;
    sums[0][threadIdx.y][threadIdx.x] = first;
    sums[1][threadIdx.y][threadIdx.x] = second;
    __syncthreads();
    if (threadIdx.y != 0) return;
    for (int row = 1; row < rows; ++row) {
        first += sums[0][row][threadIdx.x];
        second += sums[1][row][threadIdx.x];
    }
}

/// partial[part, 2, channels]. A block sums one part of the pixels. terms.add(channel, element, first,
/// second) adds the terms of one element.
template <class Terms>
__global__ void __launch_bounds__(columns* rows)
    sum_part(const BatchNormShape s, std::int64_t part_size, const Terms terms, double* partial) {
    const std::int64_t c = channel_of_thread();
    const std::int64_t begin = static_cast<std::int64_t>(blockIdx.y) * part_size;
    const std::int64_t end = min(begin + part_size, s.pixels);
    double first = 0.0, second = 0.0;
    if (c < s.channels)
        for (std::int64_t pixel = begin + threadIdx.y; pixel < end; pixel += rows)
            terms.add(c, pixel * s.channels + c, first, second);
    add_rows(first, second);
    if (threadIdx.y != 0 || c >= s.channels) return;
    double* const own = partial + static_cast<std::int64_t>(blockIdx.y) * 2 * s.channels;
    own[c] = first;
    own[s.channels + c] = second;
}

/// Adds the parts in order. finish.write(shape, channel, first, second) writes the results of a channel.
template <class Finish>
__global__ void __launch_bounds__(columns* rows)
    add_parts(const BatchNormShape s, std::int64_t parts, const double* partial, const Finish finish) {
    const std::int64_t c = channel_of_thread();
    double first = 0.0, second = 0.0;
    if (c < s.channels)
        for (std::int64_t part = threadIdx.y; part < parts; part += rows) {
            first += partial[part * 2 * s.channels + c];
            second += partial[(part * 2 + 1) * s.channels + c];
        }
    add_rows(first, second);
    if (threadIdx.y == 0 && c < s.channels) finish.write(s, c, first, second);
}

template <class Terms, class Finish>
void sum_over_pixels(const BatchNormShape& s, const Terms& terms, const Finish& finish) {
    const Parts parts(s.pixels);
    const simt::Workspace<double> partial(parts.count * 2 * s.channels);
    simt::launch(sum_part<Terms>, dim3(channel_blocks(s), static_cast<unsigned>(parts.count)), block(), 0, s,
                 parts.size, terms, partial.data());
    simt::launch(add_parts<Finish>, dim3(channel_blocks(s)), block(), 0, s, parts.count, partial.data(),
                 finish);
}

/// Σ(x−x₀) and Σ(x−x₀)², where x₀ is the first pixel: reduces cancellation, and gives exactly 0 for a
/// constant channel.
template <class T>
struct Moments {
    const T* input;
    __device__ void add(std::int64_t c, std::int64_t i, double& sum, double& squares) const {
        const double difference = static_cast<double>(input[i]) - static_cast<double>(input[c]);
        sum += difference;
        squares = fma(difference, difference, squares);
    }
};

template <class T>
struct Statistics {
    const T* input;
    double *mean, *inverse_deviation;
    T *running_mean, *running_variance;

    __device__ void write(const BatchNormShape& s, std::int64_t c, double sum, double squares) const {
        const auto m = static_cast<double>(s.pixels);
        const double offset = sum / m, square = squares / m - offset * offset;
        const double variance = square < 0.0 ? 0.0 : square;
        mean[c] = static_cast<double>(input[c]) + offset;
        inverse_deviation[c] = 1.0 / sqrt(variance + s.epsilon);
        update(s, running_mean[c], mean[c]);
        update(s, running_variance[c], s.pixels > 1 ? variance * (m / (m - 1.0)) : variance);
    }
    __device__ static void update(const BatchNormShape& s, T& running, double batch) {
        running = static_cast<T>((1.0 - s.momentum) * static_cast<double>(running) + s.momentum * batch);
    }
};

/// Σdy and Σdy·(x−μ)
template <class T>
struct GradientTerms {
    const T *input, *output_gradient;
    const double* mean;
    __device__ void add(std::int64_t c, std::int64_t i, double& sum, double& products) const {
        const auto gradient = static_cast<double>(output_gradient[i]);
        sum += gradient;
        products = fma(gradient, static_cast<double>(input[i]) - mean[c], products);
    }
};

template <class T>
struct ParameterGradients {
    const double* inverse_deviation;
    double* sums;
    T *gamma_gradient, *beta_gradient;
    __device__ void write(const BatchNormShape& s, std::int64_t c, double sum, double products) const {
        sums[c] = sum;
        sums[s.channels + c] = products * inverse_deviation[c];
        beta_gradient[c] = static_cast<T>(sum);
        gamma_gradient[c] = static_cast<T>(products * inverse_deviation[c]);
    }
};

// ---- Elementwise kernels

/// function.of(shape, channel) returns a function of the element index.
template <class T, class Function>
__global__ void __launch_bounds__(columns* rows)
    map(const BatchNormShape s, const Function function, T* output) {
    const std::int64_t c = channel_of_thread();
    if (c >= s.channels) return;
    const auto value = function.of(s, c);
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.y) * rows;
    for (std::int64_t pixel = static_cast<std::int64_t>(blockIdx.y) * rows + threadIdx.y; pixel < s.pixels;
         pixel += stride)
        output[pixel * s.channels + c] = value(pixel * s.channels + c);
}

template <class T, class Function>
void launch_map(const BatchNormShape& s, const Function& function, T* output) {
    simt::launch(map<T, Function>, dim3(channel_blocks(s), simt::blocks_for_stride_loop(s.pixels, rows)),
                 block(), 0, s, function, output);
}

/// (x − centre) · scale + offset
template <class T>
struct Normalised {
    const T* input;
    T centre, scale, offset;
    __device__ T operator()(std::int64_t i) const { return fma(input[i] - centre, scale, offset); }
};

template <class T>
struct ByBatch {
    const T* input;
    const double *mean, *inverse_deviation;
    const T *gamma, *beta;
    __device__ Normalised<T> of(const BatchNormShape&, std::int64_t c) const {
        return {input, static_cast<T>(mean[c]),
                static_cast<T>(static_cast<double>(gamma[c]) * inverse_deviation[c]), beta[c]};
    }
};

template <class T>
struct ByRunningStatistics {
    const T *input, *mean, *variance, *gamma, *beta;
    __device__ Normalised<T> of(const BatchNormShape& s, std::int64_t c) const {
        const double deviation = sqrt(static_cast<double>(variance[c]) + s.epsilon);
        return {input, mean[c], static_cast<T>(static_cast<double>(gamma[c]) / deviation), beta[c]};
    }
};

template <class T>
struct InputGradient {
    const T *input, *output_gradient, *accumulate;
    T centre, offset, slope, factor;
    __device__ T operator()(std::int64_t i) const {
        const T gradient = factor * fma(centre - input[i], slope, output_gradient[i] - offset);
        return accumulate ? accumulate[i] + gradient : gradient;
    }
};

template <class T>
struct InputGradients {
    const T *input, *output_gradient, *accumulate;
    const double *mean, *inverse_deviation, *sums;
    const T* gamma;
    __device__ InputGradient<T> of(const BatchNormShape& s, std::int64_t c) const {
        const auto m = static_cast<double>(s.pixels);
        return {input,
                output_gradient,
                accumulate,
                static_cast<T>(mean[c]),
                static_cast<T>(sums[c] / m),
                static_cast<T>(sums[s.channels + c] * inverse_deviation[c] / m),
                static_cast<T>(static_cast<double>(gamma[c]) * inverse_deviation[c])};
    }
};

}  // namespace

template <class T>
void batch_norm_statistics(const BatchNormShape& s, const T* input, double* mean, double* inverse_deviation,
                           T* running_mean, T* running_variance) {
    sum_over_pixels(s, Moments<T>{input},
                    Statistics<T>{input, mean, inverse_deviation, running_mean, running_variance});
}

template <class T>
void batch_norm_forward(const BatchNormShape& s, const T* input, const double* mean,
                        const double* inverse_deviation, const T* gamma, const T* beta, T* output) {
    launch_map(s, ByBatch<T>{input, mean, inverse_deviation, gamma, beta}, output);
}

template <class T>
void batch_norm_inference(const BatchNormShape& s, const T* input, const T* running_mean,
                          const T* running_variance, const T* gamma, const T* beta, T* output) {
    launch_map(s, ByRunningStatistics<T>{input, running_mean, running_variance, gamma, beta}, output);
}

template <class T>
void batch_norm_backward_parameters(const BatchNormShape& s, const T* input, const double* mean,
                                    const double* inverse_deviation, const T* output_gradient, double* sums,
                                    T* gamma_gradient, T* beta_gradient) {
    sum_over_pixels(s, GradientTerms<T>{input, output_gradient, mean},
                    ParameterGradients<T>{inverse_deviation, sums, gamma_gradient, beta_gradient});
}

template <class T>
void batch_norm_backward_input(const BatchNormShape& s, const T* input, const double* mean,
                               const double* inverse_deviation, const T* gamma, const double* sums,
                               const T* output_gradient, const T* accumulate, T* input_gradient) {
    launch_map(s, InputGradients<T>{input, output_gradient, accumulate, mean, inverse_deviation, sums, gamma},
               input_gradient);
}

DNSP_INSTANTIATE(batch_norm_statistics);
DNSP_INSTANTIATE(batch_norm_forward);
DNSP_INSTANTIATE(batch_norm_inference);
DNSP_INSTANTIATE(batch_norm_backward_parameters);
DNSP_INSTANTIATE(batch_norm_backward_input);

}  // namespace dnsp::kernels::cuda
