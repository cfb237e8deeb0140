#pragma once

#include <cfloat>
#include <cmath>

#include "kernels/bfloat16.hpp"

// The arithmetic of bfloat16 instructions: fused multiply-add in float, rounded to nearest, in which denormal
// operands and results are 0.
namespace dnsp::kernels::cpu::detail {

inline float flushed(float value) { return std::fabs(value) < FLT_MIN ? std::copysign(0.0f, value) : value; }
inline float add_product(bfloat16 a, bfloat16 b, float sum) {
    return flushed(std::fma(flushed(static_cast<float>(a)), flushed(static_cast<float>(b)), flushed(sum)));
}

}  // namespace dnsp::kernels::cpu::detail
