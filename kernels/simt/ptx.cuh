#pragma once

// The only place for PTX. Each wrapper has its meaning on the device (inline assembly) beside its meaning in
// the host executor: plain C++ on what the lanes of the warp put in. All warp-wide ones are for whole warps.
//
// Fragments of the matrix products D = A·B + C, where lane = 4·g + t (g = 0…7, t = 0…3); PTX ISA, "Matrix
// Fragments for mma". A word is 32 bits:
//   m16n8k8 tf32    a[0…3] = A[g][t], A[g+8][t], A[g][t+4], A[g+8][t+4]    b[0…1] = B[t][g], B[t+4][g]
//   m16n8k16 bf16   the same with a pair for an element: word t of a row of A, or of a column of B, holds
//                   k = 2t (low half) and 2t+1, word t+4 holds k = 2t+8 and 2t+9
//   both            c[0…3] = C[g][2t], C[g][2t+1], C[g+8][2t], C[g+8][2t+1], float32
//   m16n8k8 f64     as tf32, but a, b and c are doubles
#include <cstddef>
#include <cstdint>

#include "kernels/simt/simt.cuh"

#if !defined(__CUDACC__)
#include <array>
#include <bit>
#include <cmath>
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
// Instructions that Turing has not: code for it compiles, and must not be reached.
#define DNSP_PTX_SM_80(...) __trap()
#else
#define DNSP_PTX_SM_80(...) asm volatile(__VA_ARGS__)
#endif

namespace dnsp::simt {

// ---- Asynchronous copies from global to shared memory, in groups

/// Starts a copy of 4, 8 or 16 bytes, both addresses aligned to as many; where `present` is false, zeros are
/// written and the source is not read. Copies of 16 bytes pass by the first-level cache.
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
    host::queue_copy(shared, global, bytes, present ? bytes : 0);
#endif
}

/// Ends the group of the copies that this thread has started since the last call.
__device__ __forceinline__ void cp_async_commit() {
#if defined(__CUDACC__)
    DNSP_PTX_SM_80("cp.async.commit_group;" ::: "memory");
#else
    host::commit_copies();
#endif
}

/// Waits until at most the last `groups` groups of this thread are in flight. What other threads have copied
/// is there after a barrier that follows their wait.
template <int groups>
__device__ __forceinline__ void cp_async_wait() {
#if defined(__CUDACC__)
    DNSP_PTX_SM_80("cp.async.wait_group %0;" ::"n"(groups) : "memory");
#else
    host::wait_copies(groups);
#endif
}

// ---- Loads

/// Four floats of global memory that no kernel writes to meanwhile, aligned to 16 bytes; zeros, and nothing
/// is read, where `present` is false. The compiler would branch.
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

/// Loads four matrices of 8 rows of 4 words: lane i gives the address of row i % 8 of matrix i / 8, aligned
/// to 16 bytes, and gets word t of row g of each, which is how the products above take A, and B when it is
/// stored column by column.
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

// ---- Operands

/// The nearest number with 10 bits of mantissa, away from zero where two are as near, as the bits of a float.
__device__ __forceinline__ std::uint32_t round_to_tf32(float value) {
    std::uint32_t bits = 0;
#if defined(__CUDACC__)
    DNSP_PTX_SM_80("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
#else
    bits = std::isnan(value) ? 0x7fffffffu : (std::bit_cast<std::uint32_t>(value) + 0x1000u) & 0xffffe000u;
#endif
    return bits;
}

/// Two bfloat16 (8 bits of mantissa with the leading one), rounded to nearest, to even where two are as near.
__device__ __forceinline__ std::uint32_t pack_bfloat16x2(float low, float high) {
    std::uint32_t bits = 0;
#if defined(__CUDACC__)
    DNSP_PTX_SM_80("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
#else
    const auto round = [](float value) -> std::uint32_t {
        const auto all = std::bit_cast<std::uint32_t>(value);
        return std::isnan(value) ? 0x7fffu : (all + 0x7fffu + (all >> 16 & 1u)) >> 16;
    };
    bits = round(high) << 16 | round(low);
#endif
    return bits;
}

// ---- Matrix products of a warp; the fragments are described above

#if !defined(__CUDACC__)
namespace host {

struct TensorCoreOperands {
    std::uint32_t a[4], b[2];
};

/// The 16 × 8 product of either precision: value(word, i) is the i-th of the `per_word` elements of a word.
/// The products are exact in double; their sum is rounded once, which is a little better than what the
/// hardware promises.
template <int per_word, class Value>
void tensor_core_product(const char* operation, float (&d)[4], const TensorCoreOperands& mine,
                         const float (&c)[4], Value value) {
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

/// The operands are the bits of floats, of whose mantissa the first 10 bits count: round_to_tf32() first.
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

/// One instruction on Hopper, whose full rate needs the size; elsewhere four products of 8×4 by 4×8.
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

}  // namespace dnsp::simt

#undef DNSP_PTX_SM_80
