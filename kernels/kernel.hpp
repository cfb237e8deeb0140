#pragma once

// How a kernel is declared, instantiated and named. A kernel takes a header, x.cpp for the CPU and x.cu for
// the CUDA device; nothing else lists it.
//
//   x.hpp   /// What it computes, shapes, nulls, aliasing.
//           DNSP_DECLARE_KERNEL(x, std::int64_t count, const T* input, T* output);
//   x.cpp   namespace dnsp::kernels::cpu { template <class T> void x(…) {…}  DNSP_INSTANTIATE(x); }
//   x.cu    namespace dnsp::kernels::cuda { template <class T> void x(…) {…}  DNSP_INSTANTIATE(x); }
//   a call  DNSP_KERNEL_FOR(device, x<T>)(count, input, output);   (engine/kernel_for.hpp)

/// The two devices' functions of a kernel as two arguments; in a build without CUDA the second is null, and
/// no CUDA kernel is named.
#if DNSP_HAS_CUDA
#define DNSP_KERNELS_OF_DEVICES(...) &::dnsp::kernels::cpu::__VA_ARGS__, &::dnsp::kernels::cuda::__VA_ARGS__
#else
#define DNSP_KERNELS_OF_DEVICES(...) &::dnsp::kernels::cpu::__VA_ARGS__, nullptr
#endif

// Tests define it to learn which kernels the headers declare (tests/kernels/test_coverage.cpp).
#ifndef DNSP_ON_KERNEL_DECLARED
#define DNSP_ON_KERNEL_DECLARED(name, is_template) static_assert(true)
#endif

/// Declares kernels::cpu::name<T> and kernels::cuda::name<T> of one signature; T is float or double. To be
/// used in namespace dnsp::kernels. The comment before it is the contract of both.
#define DNSP_DECLARE_KERNEL(name, ...) \
    namespace cpu {                    \
    template <class T>                 \
    void name(__VA_ARGS__);            \
    }                                  \
    namespace cuda {                   \
    template <class T>                 \
    void name(__VA_ARGS__);            \
    }                                  \
    DNSP_ON_KERNEL_DECLARED(name, true)

/// The same for a kernel whose input and output may be stored in two types: name<In, Out>, where name<T> is
/// name<T, T>.
#define DNSP_DECLARE_MIXED_KERNEL(name, ...) \
    namespace cpu {                          \
    template <class In, class Out = In>      \
    void name(__VA_ARGS__);                  \
    }                                        \
    namespace cuda {                         \
    template <class In, class Out = In>      \
    void name(__VA_ARGS__);                  \
    }                                        \
    DNSP_ON_KERNEL_DECLARED(name, true)

/// The same for a kernel that is no template.
#define DNSP_DECLARE_PLAIN_KERNEL(name, ...) \
    namespace cpu {                          \
    void name(__VA_ARGS__);                  \
    }                                        \
    namespace cuda {                         \
    void name(__VA_ARGS__);                  \
    }                                        \
    DNSP_ON_KERNEL_DECLARED(name, false)

/// Instantiates a kernel for float and double, after its definition and in its namespace.
#define DNSP_INSTANTIATE(name)                  \
    template decltype(name<float>) name<float>; \
    template decltype(name<double>) name<double>
