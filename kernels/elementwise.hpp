#pragma once

#include <cstdint>

namespace dnsp::kernels::cpu {

/// All arrays hold `count` elements. `output` may be one of the inputs.

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

/// Σ values², accumulated in double in an order that does not depend on the number of threads.
template <class T>
double squared_norm(std::int64_t count, const T* values);

/// ½ · scale · Σ (output − target)² with the accumulation of squared_norm, and its gradient
/// scale · (output − target): the data term, paper Eq. (1).
template <class T>
double squared_error(std::int64_t count, double scale, const T* output, const T* target, T* gradient);

}  // namespace dnsp::kernels::cpu
