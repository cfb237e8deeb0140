#include "kernels/elementwise.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/parallel.hpp"

namespace dnsp::kernels::cpu {
namespace {

template <class Body>
void for_each_index(std::int64_t count, Body&& body) {
#pragma omp parallel for simd schedule(static) if (parallel : count > parallel_grain)
    for (std::int64_t i = 0; i < count; ++i) body(i);
}

/// Sums body(begin, end) over blocks of fixed size, the blocks' sums in order.
template <class Body>
double sum_in_blocks(std::int64_t count, Body&& body) {
    const std::int64_t blocks = (count + reduction_block - 1) / reduction_block;
    std::vector<double> partial(static_cast<std::size_t>(blocks), 0.0);
#pragma omp parallel for schedule(static) if (blocks > 4)
    for (std::int64_t b = 0; b < blocks; ++b)
        partial[static_cast<std::size_t>(b)] =
            body(b * reduction_block, std::min(count, (b + 1) * reduction_block));
    double total = 0.0;
    for (double value : partial) total += value;
    return total;
}

}  // namespace

template <class T>
void fill(std::int64_t count, T value, T* output) {
    for_each_index(count, [=](std::int64_t i) { output[i] = value; });
}

template <class T>
void add(std::int64_t count, const T* a, const T* b, T* output) {
    for_each_index(count, [=](std::int64_t i) { output[i] = a[i] + b[i]; });
}

template <class T>
void scale(std::int64_t count, double factor, const T* input, T* output) {
    const T f = static_cast<T>(factor);
    for_each_index(count, [=](std::int64_t i) { output[i] = f * input[i]; });
}

template <class T>
void add_scaled(std::int64_t count, const T* a, double factor, const T* b, T* output) {
    const T f = static_cast<T>(factor);
    for_each_index(count, [=](std::int64_t i) { output[i] = a[i] + f * b[i]; });
}

template <class T>
void relu_forward(std::int64_t count, const T* input, T* output) {
    for_each_index(count, [=](std::int64_t i) { output[i] = input[i] < T(0) ? T(0) : input[i]; });
}

template <class T>
void relu_backward(std::int64_t count, const T* output_gradient, const T* forward_output, T* input_gradient) {
    for_each_index(count, [=](std::int64_t i) {
        input_gradient[i] = forward_output[i] > T(0) ? output_gradient[i] : T(0);
    });
}

template <class T>
void scale_by(std::int64_t count, const double* factor, const T* input, T* output) {
    scale<T>(count, *factor, input, output);
}

void mean(std::int64_t count, const double* values, double* result) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < count; ++i) sum += values[i];
    *result = sum / static_cast<double>(count);
}

template <class T>
void norm(std::int64_t count, const T* values, double* result) {
    *result = std::sqrt(sum_in_blocks(count, [=](std::int64_t begin, std::int64_t end) {
        double sum = 0.0;
        for (std::int64_t i = begin; i < end; ++i) sum += static_cast<double>(values[i]) * values[i];
        return sum;
    }));
}

template <class T>
void squared_error(std::int64_t count, double factor, const T* output, const T* target, T* gradient,
                   double* result) {
    const double sum = sum_in_blocks(count, [=](std::int64_t begin, std::int64_t end) {
        double block = 0.0;
        for (std::int64_t i = begin; i < end; ++i) {
            const double difference = static_cast<double>(output[i]) - target[i];
            gradient[i] = static_cast<T>(factor * difference);
            block += difference * difference;
        }
        return block;
    });
    *result = 0.5 * factor * sum;
}

#define INSTANTIATE(T)                                                         \
    template void fill<T>(std::int64_t, T, T*);                                \
    template void add<T>(std::int64_t, const T*, const T*, T*);                \
    template void scale<T>(std::int64_t, double, const T*, T*);                \
    template void scale_by<T>(std::int64_t, const double*, const T*, T*);      \
    template void add_scaled<T>(std::int64_t, const T*, double, const T*, T*); \
    template void relu_forward<T>(std::int64_t, const T*, T*);                 \
    template void relu_backward<T>(std::int64_t, const T*, const T*, T*);      \
    template void norm<T>(std::int64_t, const T*, double*);                    \
    template void squared_error<T>(std::int64_t, double, const T*, const T*, T*, double*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace dnsp::kernels::cpu
