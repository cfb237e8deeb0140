#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/bfloat16.hpp"

// All arrays hold `count` elements and lie on the device of the namespace. `output` may be one of the inputs.
// What the functions of `cuda` start runs on simt::current_stream(). Sums are accumulated in double in an
// order that depends on `count` alone, and go to memory of the device, so that a step needs no word with the
// host.
namespace dnsp::kernels {

/// How many partial sums squared_error() leaves.
constexpr std::int64_t squared_error_parts(std::int64_t count) {
    return std::clamp<std::int64_t>((count + 1023) / 1024, 1, 1024);
}

namespace cpu {

/// output = value
template <class T>
void fill(std::int64_t count, T value, T* output);

/// output = a + b
template <class T>
void add(std::int64_t count, const T* a, const T* b, T* output);

/// output = scale · input
template <class T>
void scale(std::int64_t count, double scale, const T* input, T* output);

/// output = a + scale · b: the residual connection
template <class T>
void add_scaled(std::int64_t count, const T* a, double scale, const T* b, T* output);

/// output = max(input, 0); NaN stays NaN, so that a divergence is not hidden
template <class T>
void relu_forward(std::int64_t count, const T* input, T* output);

/// input_gradient = output_gradient where forward_output > 0, else 0 (the derivative at 0 is taken as 0)
template <class T>
void relu_backward(std::int64_t count, const T* output_gradient, const T* forward_output, T* input_gradient);

/// Σ values = ½ Σ (output − target)², in squared_error_parts(count) numbers, and gradient = output − target:
/// the data term, paper Eq. (1), but for a factor.
template <class T>
void squared_error(std::int64_t count, const T* output, const T* target, T* gradient, double* values);

}  // namespace cpu

/// The same for device memory. add is there for bfloat16, too: it adds in float.
namespace cuda {

/// output = input, rounded where it has to be, between float and bfloat16
template <class From, class To>
void convert(std::int64_t count, const From* input, To* output);

template <class T>
void fill(std::int64_t count, T value, T* output);
template <class T>
void add(std::int64_t count, const T* a, const T* b, T* output);
template <class T>
void scale(std::int64_t count, double scale, const T* input, T* output);
template <class T>
void add_scaled(std::int64_t count, const T* a, double scale, const T* b, T* output);
template <class T>
void relu_forward(std::int64_t count, const T* input, T* output);
template <class T>
void relu_backward(std::int64_t count, const T* output_gradient, const T* forward_output, T* input_gradient);
template <class T>
void squared_error(std::int64_t count, const T* output, const T* target, T* gradient, double* values);

}  // namespace cuda
}  // namespace dnsp::kernels
