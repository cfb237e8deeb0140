#pragma once

// The only place for PTX. Each wrapper holds the device version (inline assembly) and the CUDA emulator's
// version (plain C++ on the values of the warp's lanes). Warp-wide wrappers require whole warps.
//
// Fragments of the matrix products D = A·B + C for lane = 4·g + t (g = 0…7, t = 0…3); PTX ISA, "Matrix
// Fragments for mma". A word has 32 bits:
//   m16n8k8 tf32    a[0…3] = A[g][t], A[g+8][t], A[g][t+4], A[g+8][t+4]    b[0…1] = B[t][g], B[t+4][g]
//   m16n8k16 bf16   the same with pairs as elements: word t of a row of A, or of a column of B, holds
//                   k = 2t (low half) and 2t+1, word t+4 holds k = 2t+8 and 2t+9
//   both            c[0…3] = C[g][2t], C[g][2t+1], C[g+8][2t], C[g+8][2t+1], float32
//   m16n8k8 f64     as tf32, but a, b and c are doubles
#include <cstddef>
#include <cstdint>

#include "base/device/watchdog.hpp"
#include "kernels/simt/simt.cuh"
#include "kernels/simt/tensor_map.hpp"

#if !defined(__CUDACC__)
#include <array>
#include <bit>
#include <cmath>

#include "kernels/simt/host/bulk_copies.hpp"
#include "kernels/simt/host/warpgroup_products.hpp"
#else
// Lets code compile for devices without an instruction. Must not be reached.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define DNSP_PTX_SM_80(...) __trap()
#else
#define DNSP_PTX_SM_80(...) asm volatile(__VA_ARGS__)
#endif
// For 9.0 only: later devices do not have wgmma.
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define DNSP_PTX_SM_90A(...) asm volatile(__VA_ARGS__)
#else
#define DNSP_PTX_SM_90A(...) __trap()
#endif
#endif

namespace dnsp::simt {

// ---- Asynchronous copies from global to shared memory, in groups

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

// ---- Loads

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

// ---- Matrices from shared memory

/// Loads four matrices of 8 rows × 4 words. Lane i passes the address of row i % 8 of matrix i / 8, aligned
/// to 16 bytes, and receives word t of row g of each matrix. This is the fragment layout of A, and of B
/// stored by columns.
__device__ __forceinline__ void ldmatrix_x4(std::uint32_t (&words)[4], const uint4* row) {
#if defined(__CUDACC__)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(row)))
                 : "memory");
#else
    using Row = std::array<std::uint32_t, 4>;
    const auto rows = host::warp_exchange(0xffffffffu, "ldmatrix", std::bit_cast<Row>(*row));
    const auto g = static_cast<std::size_t>(host::lane() / 4), t = static_cast<std::size_t>(host::lane() % 4);
    for (std::size_t i = 0; i < 4; ++i) words[i] = rows[8 * i + g][t];
#endif
}

/// Loads two such matrices transposed, with the row addresses of lanes 0…7 and 8…15; every lane must pass a
/// valid address. Lane 4g + t receives elements 2t and 2t+1 of column g: the 2-byte elements g of rows 2t and
/// 2t+1.
__device__ __forceinline__ void ldmatrix_x2_transposed(std::uint32_t (&words)[2], const uint4* row) {
#if defined(__CUDACC__)
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(words[0]), "=r"(words[1])
                 : "r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(row)))
                 : "memory");
#else
    using Row = std::array<std::uint16_t, 8>;
    const auto rows = host::warp_exchange(0xffffffffu, "ldmatrix transposed", std::bit_cast<Row>(*row));
    const auto g = static_cast<std::size_t>(host::lane() / 4), t = static_cast<std::size_t>(host::lane() % 4);
    for (std::size_t i = 0; i < 2; ++i)
        words[i] = rows[8 * i + 2 * t][g] | std::uint32_t{rows[8 * i + 2 * t + 1][g]} << 16;
#endif
}

/// The inverse: stores the words that ldmatrix_x2_transposed() would load.
__device__ __forceinline__ void stmatrix_x2_transposed(uint4* row, const std::uint32_t (&words)[2]) {
#if defined(__CUDACC__)
    DNSP_PTX_SM_90A("stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%0], {%1, %2};" ::"r"(
                        static_cast<std::uint32_t>(__cvta_generic_to_shared(row))),
                    "r"(words[0]), "r"(words[1])
                    : "memory");
#else
    host::require_hopper("stmatrix");
    const auto lanes =
        host::warp_exchange(0xffffffffu, "stmatrix transposed", std::array{words[0], words[1]});
    const auto lane = static_cast<std::size_t>(host::lane());
    if (lane >= 16) return;
    host::note_shared_write(row, sizeof *row);
    std::array<std::uint16_t, 8> elements{};
    for (std::size_t g = 0; g < 8; ++g)
        elements[g] = static_cast<std::uint16_t>(lanes[4 * g + lane % 8 / 2][lane / 8] >> 16 * (lane % 2));
    *row = std::bit_cast<uint4>(elements);
#endif
}

// ---- Operands

/// Rounds to 10 bits of mantissa, to nearest, ties away from zero. Returns the bits of a float.
__device__ __forceinline__ std::uint32_t round_to_tf32(float value) {
    std::uint32_t bits = 0;
#if defined(__CUDACC__)
    DNSP_PTX_SM_80("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
#else
    host::require_capability(80, "cvt.rna.tf32");
    bits = std::isnan(value) ? 0x7fffffffu : (std::bit_cast<std::uint32_t>(value) + 0x1000u) & 0xffffe000u;
#endif
    return bits;
}

/// Rounds two floats to bfloat16 (8 significant bits), to nearest, ties to even. `rectified`: negative
/// numbers become 0. NaN stays NaN.
template <bool rectified = false>
__device__ __forceinline__ std::uint32_t pack_bfloat16x2(float low, float high) {
    std::uint32_t bits = 0;
#if defined(__CUDACC__)
    if constexpr (rectified)
        DNSP_PTX_SM_80("cvt.rn.relu.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
    else
        DNSP_PTX_SM_80("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
#else
    host::require_capability(80, "cvt.bf16x2");
    const auto round = [](float value) -> std::uint32_t {
        const auto all = std::bit_cast<std::uint32_t>(value);
        if (std::isnan(value)) return 0x7fffu;
        return rectified && all >> 31 != 0 ? 0u : (all + 0x7fffu + (all >> 16 & 1u)) >> 16;
    };
    bits = round(high) << 16 | round(low);
#endif
    return bits;
}

// ---- Matrix products of a warp (fragments: see above)

#if !defined(__CUDACC__)
namespace host {

struct TensorCoreOperands {
    std::uint32_t a[4], b[2];
};

/// The 16 × 8 product in either precision. value(word, i) is element i of the `per_word` elements of a word.
/// Products are exact in double. Their sum is rounded once, slightly better than the hardware guarantees.
template <int per_word, class Value>
void tensor_core_product(const char* operation, float (&d)[4], const TensorCoreOperands& mine,
                         const float (&c)[4], Value value) {
    require_capability(80, operation);
    const auto lanes = warp_exchange(0xffffffffu, operation, mine);
    const int g = lane() / 4, t = lane() % 4;
    for (int i = 0; i < 4; ++i) {
        double sum = static_cast<double>(c[i]);
        for (int k = 0; k < 8; ++k) {
            const std::uint32_t a = lanes[static_cast<std::size_t>(4 * g + k % 4)].a[i / 2 + 2 * (k / 4)];
            const std::uint32_t b = lanes[static_cast<std::size_t>(4 * (2 * t + i % 2) + k % 4)].b[k / 4];
            for (int e = 0; e < per_word; ++e) sum += value(a, e) * value(b, e);
        }
        d[i] = static_cast<float>(sum);
    }
}

}  // namespace host
#endif

/// Operands are bits of floats, of which only the first 10 bits of mantissa count: call round_to_tf32()
/// first.
__device__ __forceinline__ void mma_m16n8k8_tf32(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                                 std::uint32_t b1, const float (&c)[4]) {
#if defined(__CUDACC__)
    DNSP_PTX_SM_80(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%10, %11, "
        "%12, %13};"
        : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "f"(c[0]), "f"(c[1]), "f"(c[2]),
          "f"(c[3]));
#else
    host::tensor_core_product<1>("mma m16n8k8 tf32", d, {{a[0], a[1], a[2], a[3]}, {b0, b1}}, c,
                                 [](std::uint32_t word, int) {
                                     return static_cast<double>(std::bit_cast<float>(word & 0xffffe000u));
                                 });
#endif
}

__device__ __forceinline__ void mma_m16n8k16_bf16(float (&d)[4], const std::uint32_t (&a)[4],
                                                  std::uint32_t b0, std::uint32_t b1, const float (&c)[4]) {
#if defined(__CUDACC__)
    DNSP_PTX_SM_80(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%10, %11, "
        "%12, %13};"
        : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "f"(c[0]), "f"(c[1]), "f"(c[2]),
          "f"(c[3]));
#else
    host::tensor_core_product<2>(
        "mma m16n8k16 bf16", d, {{a[0], a[1], a[2], a[3]}, {b0, b1}}, c, [](std::uint32_t word, int element) {
            return static_cast<double>(std::bit_cast<float>(element == 0 ? word << 16 : word & 0xffff0000u));
        });
#endif
}

/// One instruction on Hopper, which needs this size for full rate. Four products of 8×4 by 4×8 elsewhere.
__device__ __forceinline__ void mma_m16n8k8_f64(double (&d)[4], const double (&a)[4], double b0, double b1,
                                                const double (&c)[4]) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ != 900
    for (int i = 0; i < 4; ++i) d[i] = c[i];
#pragma unroll
    for (int i = 0; i < 4; ++i)
        DNSP_PTX_SM_80("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0, %1}, {%2}, {%3}, {%0, %1};"
                       : "+d"(d[i % 2 * 2]), "+d"(d[i % 2 * 2 + 1])
                       : "d"(a[i]), "d"(i < 2 ? b0 : b1));
#elif defined(__CUDACC__)
    DNSP_PTX_SM_80(
        "mma.sync.aligned.m16n8k8.row.col.f64.f64.f64.f64 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%10, %11, %12, %13};"
        : "=d"(d[0]), "=d"(d[1]), "=d"(d[2]), "=d"(d[3])
        : "d"(a[0]), "d"(a[1]), "d"(a[2]), "d"(a[3]), "d"(b0), "d"(b1), "d"(c[0]), "d"(c[1]), "d"(c[2]),
          "d"(c[3]));
#else
    host::require_capability(80, "mma f64");
    const auto lanes =
        host::warp_exchange(0xffffffffu, "mma m16n8k8 f64", std::array{a[0], a[1], a[2], a[3], b0, b1});
    const int g = host::lane() / 4, t = host::lane() % 4;
    for (int i = 0; i < 4; ++i) {
        double sum = c[i];
        for (int k = 0; k < 8; ++k) {
            const auto& left = lanes[static_cast<std::size_t>(4 * g + k % 4)];
            const auto& right = lanes[static_cast<std::size_t>(4 * (2 * t + i % 2) + k % 4)];
            sum = std::fma(left[static_cast<std::size_t>(i / 2 + k / 4 * 2)],
                           right[static_cast<std::size_t>(4 + k / 4)], sum);
        }
        d[i] = sum;
    }
#endif
}

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

// ---- Bulk tensor copies (TMA), started by one thread.

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

// ---- Matrix products of a warpgroup: wgmma
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

#undef DNSP_PTX_SM_80
#undef DNSP_PTX_SM_90A
#undef DNSP_NAMES
#undef DNSP_SUMS_2
#undef DNSP_SUMS_10
#undef DNSP_SUMS_30
#undef DNSP_NAMES_30
#undef DNSP_NAMES_90
#undef DNSP_WGMMA
