#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

/// Exponential linear unit (Clevert et al. 2016) of arrays of `count` elements.
namespace dnsp::kernels {

/// output = input > 0 ? input : exp(input) − 1. `output` may alias `input`. NaN stays NaN.
DNSP_DECLARE_KERNEL(elu_forward, std::int64_t count, const T* input, T* output);

/// input_gradient = output_gradient · (forward_output > 0 ? 1 : forward_output + 1), where forward_output is
/// the output of elu_forward. `input_gradient` may alias either input.
DNSP_DECLARE_KERNEL(elu_backward, std::int64_t count, const T* output_gradient, const T* forward_output,
                    T* input_gradient);

}  // namespace dnsp::kernels
