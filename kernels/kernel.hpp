#pragma once

// Declaration, instantiation and naming of kernels. A kernel is three files: a header, x.cpp for the CPU and
// x.cu for the CUDA device. There is no other list of kernels.
//
//   x.hpp   /// What it computes, shapes, nulls, aliasing.
//           DNSP_DECLARE_KERNEL(x, std::int64_t count, const T* input, T* output);
//   x.cpp   namespace dnsp::kernels::cpu { template <class T> void x(…) {…}  DNSP_INSTANTIATE(x); }
//   x.cu    namespace dnsp::kernels::cuda { template <class T> void x(…) {…}  DNSP_INSTANTIATE(x); }
//   a call  DNSP_KERNEL_FOR(device, x<T>)(count, input, output);   (engine/kernel_for.hpp)

/// The two devices' functions of a kernel, as two arguments. In a build without CUDA the second is null and
/// no CUDA kernel is referenced.
#if DNSP_HAS_CUDA
#define DNSP_KERNELS_OF_DEVICES(...) &::dnsp::kernels::cpu::__VA_ARGS__, &::dnsp::kernels::cuda::__VA_ARGS__
#else
#define DNSP_KERNELS_OF_DEVICES(...) &::dnsp::kernels::cpu::__VA_ARGS__, nullptr
#endif

// Defined by tests to collect the declared kernels (tests/kernels/test_coverage.cpp).
#ifndef DNSP_ON_KERNEL_DECLARED
#define DNSP_ON_KERNEL_DECLARED(name, is_template) static_assert(true)
#endif

/// Declares kernels::cpu::name<T> and kernels::cuda::name<T> with the same signature; T is float or double.
/// Use in namespace dnsp::kernels. The comment before it is the contract of both.
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

/// Declares name<In, Out> for kernels with mixed storage types of input and output. name<T> is name<T, T>.
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

/// Declares a kernel that is not a template.
#define DNSP_DECLARE_PLAIN_KERNEL(name, ...) \
    namespace cpu {                          \
    void name(__VA_ARGS__);                  \
    }                                        \
    namespace cuda {                         \
    void name(__VA_ARGS__);                  \
    }                                        \
    DNSP_ON_KERNEL_DECLARED(name, false)

/// Instantiates a kernel for float and double. Use after its definition, in its namespace.
#define DNSP_INSTANTIATE(name)                  \
    template decltype(name<float>) name<float>; \
    template decltype(name<double>) name<double>
