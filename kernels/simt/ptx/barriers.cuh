#pragma once

// Named barriers, registers, and mbarriers: barriers in shared memory that count arrivals and bytes.
#include <cstddef>
#include <cstdint>

#include "base/device/watchdog.hpp"
#include "kernels/simt/ptx/target.cuh"
#include "kernels/simt/simt.cuh"

#if !defined(__CUDACC__)
#include "kernels/simt/host/bulk_copies.hpp"
#endif

namespace dnsp::simt {

// ---- Named barriers, and registers

/// Waits until `threads` threads (whole warps) have reached barrier `id` (1…15).
__device__ __forceinline__ void synchronise_warps(int id, int threads) {
#if defined(__CUDACC__)
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
    host::synchronise_some(id, threads);
#endif
}

/// Sets the number of registers per thread of this warpgroup, a multiple of 8 from 24 to 256. The kernel must
/// have __launch_bounds__ with a number of blocks.
template <int count>
__device__ __forceinline__ void setmaxnreg_dec() {
    static_assert(count % 8 == 0 && count >= 24 && count <= 256);
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(count));
#else
    host::require_hopper("setmaxnreg");
#endif
}
template <int count>
__device__ __forceinline__ void setmaxnreg_inc() {
    static_assert(count % 8 == 0 && count >= 24 && count <= 256);
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(count));
#else
    host::require_hopper("setmaxnreg");
#endif
}

// ---- mbarriers: barriers in shared memory that count arrivals and bytes
//
// Phases are numbered from 0. A phase ends when all counted threads have arrived and all expected bytes have
// landed. wait(parity) returns when the phase of that parity has ended. On a new barrier, wait(0) waits for
// the first phase and wait(1) returns at once.

#if defined(__CUDACC__)
/// The shared-window address, as the instructions take it.
__device__ __forceinline__ std::uint32_t shared_address(const void* shared) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
}
#else
using host::shared_address;
#endif

__device__ __forceinline__ void mbarrier_init(std::uint64_t* barrier, int arrivals) {
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals)
                    : "memory");
#else
    host::require_hopper("mbarrier");
    host::initialise_memory_barrier(barrier, arrivals);
#endif
}

/// Called by the thread that initialised barriers, before other threads and bulk copies use them.
__device__ __forceinline__ void mbarrier_fence_init() {
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}

__device__ __forceinline__ void mbarrier_arrive(std::uint64_t* barrier) {
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
#else
    host::arrive_at_memory_barrier(barrier, 0);
#endif
}

/// Arrives, and adds `bytes` to the bytes that the phase expects.
__device__ __forceinline__ void mbarrier_arrive_expect_tx(std::uint64_t* barrier, std::uint32_t bytes) {
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)),
                    "r"(bytes)
                    : "memory");
#else
    host::arrive_at_memory_barrier(barrier, bytes);
#endif
}

/// Built with DNSP_WATCHDOG, a thread that has waited 4 to 9 seconds on the device reports where, and ends
/// the kernel; the next error of the host tells it. Built without, it waits forever, and `waits_for` costs
/// nothing.
__device__ __forceinline__ void mbarrier_wait(std::uint64_t* barrier, std::uint32_t parity,
                                              [[maybe_unused]] WaitsFor waits_for = WaitsFor::unnamed) {
#if defined(__CUDACC__) && defined(DNSP_WATCHDOG)
    const auto has_ended = [&] {
        std::uint32_t ended = 1;
        DNSP_PTX_SM_90A(
            "{\n"
            ".reg .pred done;\n"
            "mbarrier.try_wait.parity.shared::cta.b64 done, [%1], %2;\n"
            "selp.u32 %0, 1, 0, done;\n"
            "}"
            : "=r"(ended)
            : "r"(shared_address(barrier)), "r"(parity)
            : "memory");
        return ended != 0;
    };
    // The upper half of a clock in nanoseconds: one step is 4.3 s.
    const auto steps = [] {
        std::uint32_t count = 0;
        asm volatile("mov.u32 %0, %globaltimer_hi;" : "=r"(count));
        return count;
    };
    if (has_ended()) return;
    const std::uint32_t begin = steps();
    while (!has_ended())
        if (steps() - begin >= 2) {
            *static_cast<volatile std::uint64_t*>(watchdog_report_of_host) =
                watchdog_report(waits_for, shared_address(barrier), parity, blockIdx.x);
            __threadfence_system();
            // An illegal access ends the kernel. For a trap, ptxas would ignore setmaxnreg and spill.
            asm volatile("st.global.u32 [%0], 0;" ::"l"(std::uint64_t{0}) : "memory");
        }
#elif defined(__CUDACC__)
    DNSP_PTX_SM_90A(
        "{\n"
        ".reg .pred done;\n"
        "again: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@!done bra again;\n"
        "}" ::"r"(shared_address(barrier)),
        "r"(parity)
        : "memory");
#else
    host::wait_at_memory_barrier(barrier, parity);
#endif
}

}  // namespace dnsp::simt
