#include "kernels/batch_norm.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.hpp"
#include "kernels/multiply_add.hpp"

namespace dnsp::kernels::cpu {
namespace {

constexpr std::int64_t min_part = 256, max_parts = 256;  // in pixels

/// Two sums over the pixels for each channel: [2, channels]. add(pixel, first, second) adds the terms of one
/// pixel to both sums. One thread sums a part of the pixels; the parts are added in order. The partition
/// depends on the number of pixels only.
template <class Add>
std::vector<double> sum_over_pixels(const BatchNormShape& s, Add&& add) {
    const std::int64_t size = std::max(min_part, divide_up(s.pixels, max_parts));
    const std::int64_t parts = divide_up(s.pixels, size), width = 2 * s.channels;
    std::vector<double> partial(static_cast<std::size_t>(parts * width), 0.0);
#pragma omp parallel for schedule(static) if (s.elements() > parallel_grain)
    for (std::int64_t part = 0; part < parts; ++part) {
        double* const first = partial.data() + part * width;
        const std::int64_t end = std::min(s.pixels, (part + 1) * size);
        for (std::int64_t pixel = part * size; pixel < end; ++pixel) add(pixel, first, first + s.channels);
    }
    for (std::int64_t part = 1; part < parts; ++part)
        for (std::int64_t i = 0; i < width; ++i)
            partial[static_cast<std::size_t>(i)] += partial[static_cast<std::size_t>(part * width + i)];
    partial.resize(static_cast<std::size_t>(width));
    return partial;
}

/// Calls body(channel, element) for every element of the image.
template <class Body>
void for_each_element(const BatchNormShape& s, Body&& body) {
#pragma omp parallel for schedule(static) if (s.elements() > parallel_grain)
    for (std::int64_t pixel = 0; pixel < s.pixels; ++pixel) {
        const std::int64_t row = pixel * s.channels;
#pragma omp simd
        for (std::int64_t c = 0; c < s.channels; ++c) body(c, row + c);
    }
}

/// One number per channel: value(channel), rounded to T.
template <class T, class Value>
std::vector<T> by_channel(const BatchNormShape& s, Value&& value) {
    std::vector<T> values(static_cast<std::size_t>(s.channels));
    for (std::int64_t c = 0; c < s.channels; ++c)
        values[static_cast<std::size_t>(c)] = static_cast<T>(value(c));
    return values;
}

/// output = (input − centre) · scale + beta
template <class T>
void normalise(const BatchNormShape& s, const T* input, const std::vector<T>& centres,
               const std::vector<T>& scales, const T* beta, T* output) {
    const T *centre = centres.data(), *scale = scales.data();
    for_each_element(s, [=](std::int64_t c, std::int64_t i) {
        output[i] = multiply_add(input[i] - centre[c], scale[c], beta[c]);
    });
}

}  // namespace

template <class T>
void batch_norm_statistics(const BatchNormShape& s, const T* input, double* mean, double* inverse_deviation,
                           T* running_mean, T* running_variance) {
    // Sums over x − x₀, where x₀ is the first pixel: reduces cancellation, and gives exactly 0 for a constant
    // channel.
    const auto sums = sum_over_pixels(s, [&](std::int64_t pixel, double* sum, double* squares) {
        const T* const row = input + pixel * s.channels;
#pragma omp simd
        for (std::int64_t c = 0; c < s.channels; ++c) {
            const double difference = static_cast<double>(row[c]) - static_cast<double>(input[c]);
            sum[c] += difference;
            squares[c] = multiply_add(difference, difference, squares[c]);
        }
    });
    const auto m = static_cast<double>(s.pixels);
    for (std::int64_t c = 0; c < s.channels; ++c) {
        const double offset = sums[static_cast<std::size_t>(c)] / m;
        const double square = sums[static_cast<std::size_t>(s.channels + c)] / m - offset * offset;
        const double variance = square < 0.0 ? 0.0 : square;
        mean[c] = static_cast<double>(input[c]) + offset;
        inverse_deviation[c] = 1.0 / std::sqrt(variance + s.epsilon);
        const auto update = [&](T& running, double batch) {
            running = static_cast<T>((1.0 - s.momentum) * static_cast<double>(running) + s.momentum * batch);
        };
        update(running_mean[c], mean[c]);
        update(running_variance[c], s.pixels > 1 ? variance * (m / (m - 1.0)) : variance);
    }
}

template <class T>
void batch_norm_forward(const BatchNormShape& s, const T* input, const double* mean,
                        const double* inverse_deviation, const T* gamma, const T* beta, T* output) {
    normalise(s, input, by_channel<T>(s, [&](auto c) { return mean[c]; }),
              by_channel<T>(s, [&](auto c) { return gamma[c] * inverse_deviation[c]; }), beta, output);
}

template <class T>
void batch_norm_inference(const BatchNormShape& s, const T* input, const T* running_mean,
                          const T* running_variance, const T* gamma, const T* beta, T* output) {
    const auto scale = [&](auto c) {
        return gamma[c] / std::sqrt(static_cast<double>(running_variance[c]) + s.epsilon);
    };
    normalise(s, input, by_channel<T>(s, [&](auto c) { return running_mean[c]; }), by_channel<T>(s, scale),
              beta, output);
}

template <class T>
void batch_norm_backward_parameters(const BatchNormShape& s, const T* input, const double* mean,
                                    const double* inverse_deviation, const T* output_gradient, double* sums,
                                    T* gamma_gradient, T* beta_gradient) {
    const auto both = sum_over_pixels(s, [&](std::int64_t pixel, double* sum, double* products) {
        const T *const row = input + pixel * s.channels, *const dy = output_gradient + pixel * s.channels;
#pragma omp simd
        for (std::int64_t c = 0; c < s.channels; ++c) {
            const double gradient = dy[c];
            sum[c] += gradient;
            products[c] = multiply_add(gradient, static_cast<double>(row[c]) - mean[c], products[c]);
        }
    });
    for (std::int64_t c = 0; c < s.channels; ++c) {
        sums[c] = both[static_cast<std::size_t>(c)];
        sums[s.channels + c] = both[static_cast<std::size_t>(s.channels + c)] * inverse_deviation[c];
        beta_gradient[c] = static_cast<T>(sums[c]);
        gamma_gradient[c] = static_cast<T>(sums[s.channels + c]);
    }
}

template <class T>
void batch_norm_backward_input(const BatchNormShape& s, const T* input, const double* mean,
                               const double* inverse_deviation, const T* gamma, const double* sums,
                               const T* output_gradient, const T* accumulate, T* input_gradient) {
    const auto m = static_cast<double>(s.pixels);
    const auto centres = by_channel<T>(s, [&](auto c) { return mean[c]; }),
               offsets = by_channel<T>(s, [&](auto c) { return sums[c] / m; }),
               slopes =
                   by_channel<T>(s, [&](auto c) { return sums[s.channels + c] * inverse_deviation[c] / m; }),
               factors = by_channel<T>(s, [&](auto c) { return gamma[c] * inverse_deviation[c]; });
    const T *centre = centres.data(), *offset = offsets.data(), *slope = slopes.data(),
            *factor = factors.data();
    const auto gradient = [=](std::int64_t c, std::int64_t i) {
        return factor[c] * multiply_add(centre[c] - input[i], slope[c], output_gradient[i] - offset[c]);
    };
    if (accumulate)
        for_each_element(
            s, [=](std::int64_t c, std::int64_t i) { input_gradient[i] = accumulate[i] + gradient(c, i); });
    else
        for_each_element(s, [=](std::int64_t c, std::int64_t i) { input_gradient[i] = gradient(c, i); });
}

DNSP_INSTANTIATE(batch_norm_statistics);
DNSP_INSTANTIATE(batch_norm_forward);
DNSP_INSTANTIATE(batch_norm_inference);
DNSP_INSTANTIATE(batch_norm_backward_parameters);
DNSP_INSTANTIATE(batch_norm_backward_input);

}  // namespace dnsp::kernels::cpu
