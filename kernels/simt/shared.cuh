#pragma once

// Shared memory with bounds checks of every dimension in the CUDA emulator, at no cost on the device.
//   __shared__ SharedArray<float, 32, 33> tile;      tile[row][col]
//   auto tile = dynamic_shared<float>(count);        tile[i]; `count` elements from byte `offset_bytes` on
// Alignment is 16 bytes; dynamic shared memory begins at a multiple of 1024 bytes. In the CUDA emulator both
// are NaN (bytes 0xFF) when a block starts.
#include <cstddef>

#if defined(__CUDACC__)
#define DNSP_CHECK_BOUNDS(index, extent)
#else
#include "kernels/simt/host/builtins.hpp"
#define DNSP_CHECK_BOUNDS(index, extent) \
    ::dnsp::simt::host::check_bounds(static_cast<long long>(index), static_cast<long long>(extent))
#endif

namespace dnsp::simt {

/// The sub-array at one index.
template <class T, int Extent, int... Rest>
struct SharedView {
    static constexpr int stride = (1 * ... * Rest);
    T* first;

    template <class Index>
    __device__ __forceinline__ decltype(auto) operator[](Index index) const {
        DNSP_CHECK_BOUNDS(index, Extent);
        if constexpr (sizeof...(Rest) == 0)
            return static_cast<T&>(first[index]);
        else
            return SharedView<T, Rest...>{first + index * stride};
    }
    __device__ __forceinline__ T* data() const { return first; }
};

/// Must be declared __shared__. T must not need a constructor.
template <class T, int Extent, int... Rest>
struct SharedArray {
    static constexpr int size = (Extent * ... * Rest);
    static_assert(size * sizeof(T) <= 48 << 10, "more static shared memory than a block has");

    template <class Index>
    __device__ __forceinline__ decltype(auto) operator[](Index index) {
        return SharedView<T, Extent, Rest...>{data()}[index];
    }
    __device__ __forceinline__ T* data() {
#if !defined(__CUDACC__)
        host::use_shared_array(elements_, sizeof elements_, entered_);
#endif
        return elements_;
    }

  private:
#if !defined(__CUDACC__)
    // Zero-initialised, because it is static. Before the elements, so that AddressSanitizer finds overruns.
    std::uint64_t entered_;
#endif
    alignas(16) T elements_[size];
};

/// A part of dynamic shared memory.
template <class T>
struct SharedSpan {
    T* first;
    std::size_t count;

    template <class Index>
    __device__ __forceinline__ T& operator[](Index index) const {
        DNSP_CHECK_BOUNDS(index, count);
        return first[index];
    }
    __device__ __forceinline__ T* data() const { return first; }
};

/// Precondition: the launch requests at least offset_bytes + count · sizeof(T) bytes.
template <class T>
__device__ __forceinline__ SharedSpan<T> dynamic_shared(std::size_t count, std::size_t offset_bytes = 0) {
#if defined(__CUDACC__)
    extern __shared__ __align__(1024) unsigned char dnsp_dynamic_shared[];
    return {reinterpret_cast<T*>(dnsp_dynamic_shared + offset_bytes), count};
#else
    return {static_cast<T*>(host::dynamic_shared_bytes(offset_bytes, count * sizeof(T))), count};
#endif
}

}  // namespace dnsp::simt
