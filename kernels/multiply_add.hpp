#pragma once

#include <cmath>

namespace dnsp::kernels::cpu {

/// a · b + c, rounded once if the target has fused multiply-add, else twice. Compiler contraction is off
/// (-ffp-contract=off, cmake/Component.cmake), because a compiler decides about it for each copy of a loop:
/// full tiles and remainders would round differently. CUDA kernels call fma().
template <class T>
inline T multiply_add(T a, T b, T c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return std::fma(a, b, c);
#else
    return a * b + c;
#endif
}

}  // namespace dnsp::kernels::cpu
