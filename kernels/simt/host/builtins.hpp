#pragma once

// CUDA C++ built-ins for the CUDA emulator: the same names in the global namespace with the same overloads,
// so that both compilers accept the same code.
#include <math.h>    // the C names, overloaded for float: CUDA has them in the global namespace
#include <stdlib.h>  // abs

#include <bit>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "kernels/simt/host/executor.hpp"
#include "kernels/simt/host/vector_types.hpp"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
// One instance for all blocks, which run one after the other.
#define __shared__ static

// ---- Barriers

inline void __syncthreads() { dnsp::simt::host::synchronise_block("__syncthreads", false); }
inline int __syncthreads_count(int predicate) {
    return dnsp::simt::host::synchronise_block("__syncthreads_count", predicate != 0);
}
inline int __syncthreads_or(int predicate) {
    return dnsp::simt::host::synchronise_block("__syncthreads_or", predicate != 0) > 0;
}
inline int __syncthreads_and(int predicate) {
    return dnsp::simt::host::synchronise_block("__syncthreads_and", predicate == 0) == 0;
}

// Writes are visible to all threads at once.
inline void __threadfence_block() {}
inline void __threadfence() {}
inline void __threadfence_system() {}

#include "kernels/simt/host/atomics.hpp"
#include "kernels/simt/host/warp.hpp"

// ---- Arithmetic

namespace dnsp::simt::host {
/// The argument types that CUDA's min and max accept, after promotion of short types. int with int64_t is
/// ambiguous in CUDA.
template <class A, class B>
concept SameSizeIntegers =
    std::integral<A> && std::integral<B> && std::same_as<std::make_signed_t<A>, std::make_signed_t<B>>;
template <class A, class B>
concept FloatingPoint = std::floating_point<A> && std::floating_point<B>;

template <class A, class B>
using Common = std::common_type_t<decltype(+A()), decltype(+B())>;
}  // namespace dnsp::simt::host

template <class A, class B>
requires dnsp::simt::host::SameSizeIntegers<decltype(+A()), decltype(+B())>
constexpr auto min(A a, B b) {
    using T = dnsp::simt::host::Common<A, B>;
    return static_cast<T>(b) < static_cast<T>(a) ? static_cast<T>(b) : static_cast<T>(a);
}
template <class A, class B>
requires dnsp::simt::host::SameSizeIntegers<decltype(+A()), decltype(+B())>
constexpr auto max(A a, B b) {
    using T = dnsp::simt::host::Common<A, B>;
    return static_cast<T>(a) < static_cast<T>(b) ? static_cast<T>(b) : static_cast<T>(a);
}
/// If one argument is NaN, returns the other.
template <class A, class B>
requires dnsp::simt::host::FloatingPoint<A, B>
inline auto min(A a, B b) {
    return fmin(static_cast<dnsp::simt::host::Common<A, B>>(a),
                static_cast<dnsp::simt::host::Common<A, B>>(b));
}
template <class A, class B>
requires dnsp::simt::host::FloatingPoint<A, B>
inline auto max(A a, B b) {
    return fmax(static_cast<dnsp::simt::host::Common<A, B>>(a),
                static_cast<dnsp::simt::host::Common<A, B>>(b));
}

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float rsqrt(float x) { return rsqrtf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }

// ---- Bits

constexpr int __popc(unsigned x) { return std::popcount(x); }
constexpr int __popcll(unsigned long long x) { return std::popcount(x); }
constexpr int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
constexpr int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
/// 1 + the position of the lowest set bit; 0 if there is none.
constexpr int __ffs(int x) { return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1; }
constexpr int __ffsll(long long x) {
    return x == 0 ? 0 : std::countr_zero(static_cast<unsigned long long>(x)) + 1;
}

constexpr int __float_as_int(float x) { return std::bit_cast<int>(x); }
constexpr float __int_as_float(int x) { return std::bit_cast<float>(x); }
constexpr unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
constexpr float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
constexpr long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
constexpr double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }

// ---- Loads

template <class T>
T __ldg(const T* address) {
    return *address;
}
