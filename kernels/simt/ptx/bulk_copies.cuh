#pragma once

// Bulk tensor copies (TMA), started by one thread.
#include <cstddef>
#include <cstdint>

#include "kernels/simt/ptx/barriers.cuh"
#include "kernels/simt/tensor_map.hpp"

#if !defined(__CUDACC__)
#include "kernels/simt/host/bulk_copies.hpp"
#endif

namespace dnsp::simt {

/// Starts to load the box with its first element at these coordinates. Elements out of bounds are zero. All
/// bytes of the box count at the barrier.
__device__ __forceinline__ void load_box(void* shared, const TensorMap& map, std::uint64_t* barrier,
                                         int channel, int x, int y, int image) {
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A(
        "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, "
        "%6}], [%2];" ::"r"(shared_address(shared)),
        "l"(&map), "r"(shared_address(barrier)), "r"(channel), "r"(x), "r"(y), "r"(image)
        : "memory");
#else
    host::require_hopper("a bulk tensor copy");
    host::load_box(shared, map, barrier, {channel, x, y, image});
#endif
}

/// Starts to store a box. Elements out of bounds are not written. After ordinary stores to shared memory,
/// call fence_for_bulk_copies() and a barrier first.
__device__ __forceinline__ void store_box(const TensorMap& map, int channel, int x, int y, int image,
                                          const void* shared) {
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A(
        "cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5}], [%1];" ::"l"(&map),
        "r"(shared_address(shared)), "r"(channel), "r"(x), "r"(y), "r"(image)
        : "memory");
#else
    host::require_hopper("a bulk tensor copy");
    host::store_box(map, {channel, x, y, image}, shared);
#endif
}

/// Groups the stores that this thread has started since the last call.
__device__ __forceinline__ void store_box_commit() {
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A("cp.async.bulk.commit_group;" ::: "memory");
#else
    host::commit_stores();
#endif
}

/// Waits until all but the last `groups` groups of this thread have read shared memory, which may then be
/// overwritten or released by returning.
template <int groups>
__device__ __forceinline__ void store_box_wait_read() {
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A("cp.async.bulk.wait_group.read %0;" ::"n"(groups) : "memory");
#else
    host::wait_stores(groups);
#endif
}

/// Orders this thread's ordinary accesses to shared memory with those of bulk copies and wgmma.
__device__ __forceinline__ void fence_for_bulk_copies() {
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A("fence.proxy.async.shared::cta;" ::: "memory");
#else
    host::fence_shared_writes();
#endif
}

}  // namespace dnsp::simt
