#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/bfloat16.hpp"
#include "kernels/kernel.hpp"

// All arrays hold `count` elements in the memory of the kernel's device. `output` may alias an input. CUDA
// kernels run on simt::current_stream(). Sums are accumulated in double in an order that depends on `count`
// only, and are written to device memory: no kernel synchronises with the host.
namespace dnsp::kernels {

/// output = value
DNSP_DECLARE_KERNEL(fill, std::int64_t count, T value, T* output);

/// output = a + b. Also for bfloat16, added in float.
DNSP_DECLARE_KERNEL(add, std::int64_t count, const T* a, const T* b, T* output);

/// output = scale · input
DNSP_DECLARE_KERNEL(scale, std::int64_t count, double scale, const T* input, T* output);

/// output = a + scale · b: the residual connection
DNSP_DECLARE_KERNEL(add_scaled, std::int64_t count, const T* a, double scale, const T* b, T* output);

/// output = max(input, 0). NaN stays NaN, so that divergence is not hidden.
DNSP_DECLARE_KERNEL(relu_forward, std::int64_t count, const T* input, T* output);

/// input_gradient = output_gradient where forward_output > 0, else 0 (the derivative at 0 is defined as 0).
DNSP_DECLARE_KERNEL(relu_backward, std::int64_t count, const T* output_gradient, const T* forward_output,
                    T* input_gradient);

/// Number of partial sums that squared_error() writes.
constexpr std::int64_t squared_error_parts(std::int64_t count) {
    return std::clamp<std::int64_t>((count + 1023) / 1024, 1, 1024);
}

/// The data term, paper Eq. (1), without its factor: Σ values = ½ Σ (output − target)² and gradient = output
/// − target. `values` holds squared_error_parts(count) partial sums.
DNSP_DECLARE_KERNEL(squared_error, std::int64_t count, const T* output, const T* target, T* gradient,
                    double* values);

// convert: output = input, rounded to nearest, between float and bfloat16.
namespace cpu {
template <class From, class To>
void convert(std::int64_t count, const From* input, To* output);
}  // namespace cpu
namespace cuda {
template <class From, class To>
void convert(std::int64_t count, const From* input, To* output);
}  // namespace cuda

}  // namespace dnsp::kernels
