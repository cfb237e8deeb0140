#pragma once

#include <cmath>

namespace dnsp::kernels::cpu {

/// a · b + c, rounded once where the processor has an instruction for it, else twice: in one build always the
/// same. Sums of products are written with it because the compiler is told to contract nothing by itself
/// (-ffp-contract=off, cmake/Room.cmake). It would decide for each copy of a loop anew, for the full tiles
/// and for the rest, and a pixel's bits would depend on which of them computes it. CUDA kernels call fma().
template <class T>
inline T multiply_add(T a, T b, T c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return std::fma(a, b, c);
#else
    return a * b + c;
#endif
}

}  // namespace dnsp::kernels::cpu
