#pragma once

#include <cmath>

namespace dnsp::kernels::cpu {

/// a · b + c, rounded once if the target has fused multiply-add, else twice. All calls in one build round
/// alike. Sums of products call it because contraction by the compiler is off (-ffp-contract=off,
/// cmake/Component.cmake). A compiler decides about contraction for each copy of a loop: full tiles and
/// remainders would round differently, and the bits of a pixel would depend on the copy that computes it.
/// CUDA kernels call fma().
template <class T>
inline T multiply_add(T a, T b, T c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return std::fma(a, b, c);
#else
    return a * b + c;
#endif
}

}  // namespace dnsp::kernels::cpu
