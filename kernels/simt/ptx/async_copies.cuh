#pragma once

// Asynchronous copies of a thread from global to shared memory, in groups (cp.async), and a load without a
// branch.
#include <cstddef>
#include <cstdint>

#include "kernels/simt/ptx/target.cuh"
#include "kernels/simt/simt.cuh"

namespace dnsp::simt {

/// Starts a copy of 4, 8 or 16 bytes; both addresses must be aligned to the size. If `present` is false,
/// writes zeros and does not read the source. Copies of 16 bytes bypass L1.
template <int bytes>
__device__ __forceinline__ void cp_async(void* shared, const void* global, bool present) {
    static_assert(bytes == 4 || bytes == 8 || bytes == 16);
#if defined(__CUDACC__)
    const auto target = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
    const std::size_t source = __cvta_generic_to_global(global);
    [[maybe_unused]] const int bytes_read = present ? bytes : 0;
    if constexpr (bytes == 16)
        DNSP_PTX_SM_80("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(source),
                       "r"(bytes_read)
                       : "memory");
    else
        DNSP_PTX_SM_80("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(target), "l"(source), "n"(bytes),
                       "r"(bytes_read)
                       : "memory");
#else
    host::require_capability(80, "cp.async");
    host::queue_copy(shared, global, bytes, present ? bytes : 0);
#endif
}

/// Groups the copies that this thread has started since the last call.
__device__ __forceinline__ void cp_async_commit() {
#if defined(__CUDACC__)
    DNSP_PTX_SM_80("cp.async.commit_group;" ::: "memory");
#else
    host::commit_copies();
#endif
}

/// Waits until at most the last `groups` groups of this thread are in flight. Copies of other threads are
/// visible after they have waited and a barrier has followed.
template <int groups>
__device__ __forceinline__ void cp_async_wait() {
#if defined(__CUDACC__)
    DNSP_PTX_SM_80("cp.async.wait_group %0;" ::"n"(groups) : "memory");
#else
    host::wait_copies(groups);
#endif
}

/// Loads four floats from 16-byte aligned global memory that no kernel writes meanwhile. If `present` is
/// false, returns zeros and does not read. (The compiler would generate a branch.)
__device__ __forceinline__ float4 load_or_zero(const float* global, bool present) {
    float4 value{0.0f, 0.0f, 0.0f, 0.0f};
#if defined(__CUDACC__)
    asm volatile("{.reg .pred p; setp.ne.b32 p, %5, 0; @p ld.global.nc.v4.f32 {%0, %1, %2, %3}, [%4];}"
                 : "+f"(value.x), "+f"(value.y), "+f"(value.z), "+f"(value.w)
                 : "l"(__cvta_generic_to_global(global)), "r"(static_cast<int>(present)));
#else
    if (present) value = *reinterpret_cast<const float4*>(global);
#endif
    return value;
}

}  // namespace dnsp::simt
