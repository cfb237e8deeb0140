#pragma once

// Matrix products of a warpgroup: wgmma.
#include <cstddef>
#include <cstdint>

#include "kernels/simt/ptx/target.cuh"
#include "kernels/simt/simt.cuh"

#if !defined(__CUDACC__)
#include "kernels/simt/host/warpgroup_products.hpp"
#endif

namespace dnsp::simt {

//
// D = A·B + D, with A (64 × 16) and B (16 × columns) in shared memory and D in the registers of 128 threads:
// PTX ISA, "Asynchronous Warpgroup Level Matrix Multiply". For warp w and lane 4g + t:
//   d[4j…4j+3] = D[16w+g][8j+2t], D[16w+g][8j+2t+1], D[16w+g+8][8j+2t], D[16w+g+8][8j+2t+1]
//
// A 64-bit descriptor describes an operand, with lengths and addresses in units of 16 bytes:
//   bits  0…13   address in shared memory
//   bits 16…29   "leading" offset            bits 32…45   "stride" offset
//   bits 49…51   0: the pattern below begins at multiples of 1024 bytes
//   bits 62…63   1: the 128-byte swizzle of tensor_map.hpp
// A pattern has 8 rows of 128 bytes (64 elements).
// - Runs::along_k: a row of the pattern runs along k. The next row is the next row of A or column of B. The
//   next pattern, `stride` bytes later, is the eighth one. A product uses 16 elements of a row, from the
//   address on. The next 16 k are 32 bytes further; the swizzle applies to addresses.
// - Runs::across: a row runs along the rows of A or the columns of B. The next row is the next k. The next
//   pattern, `stride` bytes later, is the eighth k. Columns 64… follow `leading` bytes later. The next 16 k
//   are 2048 bytes further if patterns are contiguous.

enum class Runs { along_k, across };

/// The descriptor of an operand of contiguous 1024-byte patterns.
__device__ __forceinline__ std::uint64_t matrix_descriptor(const void* shared,
                                                           std::uint32_t leading_bytes = 16) {
    constexpr std::uint64_t stride_bytes = 1024, swizzle = 1;
    return std::uint64_t{(shared_address(shared) & 0x3ffff) >> 4} | std::uint64_t{leading_bytes >> 4} << 16 |
           (stride_bytes >> 4) << 32 | swizzle << 62;
}
/// The descriptor of the address `bytes` bytes further on. The sum fits into the lower half, so no carry is
/// needed.
__device__ __forceinline__ std::uint64_t advanced(std::uint64_t descriptor, int bytes) {
    return (descriptor & ~std::uint64_t{0xffffffff}) |
           (static_cast<std::uint32_t>(descriptor) + static_cast<std::uint32_t>(bytes >> 4));
}

/// Call before the first product, and between other uses of sums and the next product that adds to them.
__device__ __forceinline__ void wgmma_fence() {
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A("wgmma.fence.sync.aligned;" ::: "memory");
#else
    host::fence_products();
#endif
}

/// Groups the products that the warpgroup has started since the last call.
__device__ __forceinline__ void wgmma_commit() {
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A("wgmma.commit_group.sync.aligned;" ::: "memory");
#else
    host::commit_products();
#endif
}

/// Waits until at most the last `groups` groups are in flight. Operands of completed products may then be
/// overwritten. Their sums may be used after settle().
template <int groups>
__device__ __forceinline__ void wgmma_wait() {
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A("wgmma.wait_group.sync.aligned %0;" ::"n"(groups) : "memory");
#else
    host::wait_products(groups);
#endif
}

/// Prevents the compiler, which does not see the asynchronous writes, from moving uses of the sums across
/// this call.
template <int count>
__device__ __forceinline__ void settle([[maybe_unused]] float (&sums)[count]) {
#if defined(__CUDACC__)
#pragma unroll
    for (float& sum : sums) asm volatile("" : "+f"(sum)::"memory");
#endif
}

#if defined(__CUDACC__)
// Names of operands, and the operands, in groups of ten.
#define DNSP_NAMES(tens)                                                                                 \
    "%" #tens "0, %" #tens "1, %" #tens "2, %" #tens "3, %" #tens "4, %" #tens "5, %" #tens "6, %" #tens \
    "7, %" #tens "8, %" #tens "9"
#define DNSP_SUMS_2(i) "+f"(d[i]), "+f"(d[(i) + 1])
#define DNSP_SUMS_10(i) \
    DNSP_SUMS_2(i), DNSP_SUMS_2((i) + 2), DNSP_SUMS_2((i) + 4), DNSP_SUMS_2((i) + 6), DNSP_SUMS_2((i) + 8)
#define DNSP_SUMS_30(i) DNSP_SUMS_10(i), DNSP_SUMS_10((i) + 10), DNSP_SUMS_10((i) + 20)
#define DNSP_NAMES_30 DNSP_NAMES() ", " DNSP_NAMES(1) ", " DNSP_NAMES(2)
#define DNSP_NAMES_90                                                                       \
    DNSP_NAMES_30 ", " DNSP_NAMES(3) ", " DNSP_NAMES(4) ", " DNSP_NAMES(5) ", " DNSP_NAMES( \
        6) ", " DNSP_NAMES(7) ", " DNSP_NAMES(8)
#define DNSP_WGMMA(shape, names, a, b, accumulate, a_across, b_across, ...)                                  \
    DNSP_PTX_SM_90A("{.reg .pred p; setp.ne.b32 p, %" accumulate ", 0; wgmma.mma_async.sync.aligned." shape  \
                    "k16.f32.bf16.bf16 {" names "}, %" a ", %" b ", p, 1, 1, %" a_across ", %" b_across ";}" \
                    : __VA_ARGS__                                                                            \
                    : "l"(descriptor_a), "l"(descriptor_b), "r"(static_cast<int>(accumulate_sums)),          \
                      "n"(a_runs == Runs::across ? 1 : 0), "n"(b_runs == Runs::across ? 1 : 0))
#endif

/// Starts d = (accumulate ? d : 0) + A·B. Operands are bfloat16, sums float32.
template <int columns, Runs a_runs, Runs b_runs>
__device__ __forceinline__ void wgmma_bf16(float (&d)[columns / 2], std::uint64_t descriptor_a,
                                           std::uint64_t descriptor_b, bool accumulate_sums) {
    static_assert(columns == 64 || columns == 192 || columns == 200, "unsupported number of columns");
#if defined(__CUDACC__)
    if constexpr (columns == 64)
        DNSP_WGMMA("m64n64", DNSP_NAMES_30 ", %30, %31", "32", "33", "34", "35", "36", DNSP_SUMS_30(0),
                   DNSP_SUMS_2(30));
    else if constexpr (columns == 192)
        DNSP_WGMMA("m64n192", DNSP_NAMES_90 ", %90, %91, %92, %93, %94, %95", "96", "97", "98", "99", "100",
                   DNSP_SUMS_30(0), DNSP_SUMS_30(30), DNSP_SUMS_30(60), DNSP_SUMS_2(90), DNSP_SUMS_2(92),
                   DNSP_SUMS_2(94));
    else
        DNSP_WGMMA("m64n200", DNSP_NAMES_90 ", " DNSP_NAMES(9), "100", "101", "102", "103", "104",
                   DNSP_SUMS_30(0), DNSP_SUMS_30(30), DNSP_SUMS_30(60), DNSP_SUMS_10(90));
#else
    host::require_hopper("wgmma");
    host::start_product(
        d, accumulate_sums,
        {descriptor_a, descriptor_b, columns, a_runs == Runs::across, b_runs == Runs::across});
#endif
}

}  // namespace dnsp::simt

#undef DNSP_NAMES
#undef DNSP_SUMS_2
#undef DNSP_SUMS_10
#undef DNSP_SUMS_30
#undef DNSP_NAMES_30
#undef DNSP_NAMES_90
#undef DNSP_WGMMA
