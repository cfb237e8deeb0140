#include "kernels/elementwise.hpp"

#include <algorithm>
#include <type_traits>

#include "base/parallel.hpp"
#include "kernels/multiply_add.hpp"

namespace dnsp::kernels::cpu {
namespace {

template <class Body>
void for_each_index(std::int64_t count, Body&& body) {
#pragma omp parallel for simd schedule(static) if (parallel : count > parallel_grain)
    for (std::int64_t i = 0; i < count; ++i) body(i);
}

}  // namespace

template <class T>
void fill(std::int64_t count, T value, T* output) {
    for_each_index(count, [=](std::int64_t i) { output[i] = value; });
}

template <class T>
void add(std::int64_t count, const T* a, const T* b, T* output) {
    if constexpr (std::is_same_v<T, bfloat16>)
        for_each_index(count, [=](std::int64_t i) {
            output[i] = bfloat16(static_cast<float>(a[i]) + static_cast<float>(b[i]));
        });
    else
        for_each_index(count, [=](std::int64_t i) { output[i] = a[i] + b[i]; });
}

template <class From, class To>
void convert(std::int64_t count, const From* input, To* output) {
    for_each_index(count, [=](std::int64_t i) { output[i] = static_cast<To>(input[i]); });
}

template <class T>
void scale(std::int64_t count, double factor, const T* input, T* output) {
    const T f = static_cast<T>(factor);
    for_each_index(count, [=](std::int64_t i) { output[i] = f * input[i]; });
}

template <class T>
void add_scaled(std::int64_t count, const T* a, double factor, const T* b, T* output) {
    const T f = static_cast<T>(factor);
    for_each_index(count, [=](std::int64_t i) { output[i] = multiply_add(f, b[i], a[i]); });
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
void squared_error(std::int64_t count, const T* output, const T* target, T* gradient, double* values) {
    const std::int64_t parts = squared_error_parts(count);
#pragma omp parallel for schedule(static) if (count > parallel_grain)
    for (std::int64_t part = 0; part < parts; ++part) {
        double sum = 0.0;
        for (std::int64_t i = part * count / parts; i < (part + 1) * count / parts; ++i) {
            const double difference = static_cast<double>(output[i]) - target[i];
            gradient[i] = static_cast<T>(difference);
            sum = multiply_add(difference, difference, sum);
        }
        values[part] = 0.5 * sum;
    }
}

DNSP_INSTANTIATE(fill);
DNSP_INSTANTIATE(add);
template void add<bfloat16>(std::int64_t, const bfloat16*, const bfloat16*, bfloat16*);
template void convert<float, bfloat16>(std::int64_t, const float*, bfloat16*);
template void convert<bfloat16, float>(std::int64_t, const bfloat16*, float*);
DNSP_INSTANTIATE(scale);
DNSP_INSTANTIATE(add_scaled);
DNSP_INSTANTIATE(relu_forward);
DNSP_INSTANTIATE(relu_backward);
DNSP_INSTANTIATE(squared_error);

}  // namespace dnsp::kernels::cpu
