#pragma once

// Matrix products of a warp, their operands, and the matrices in shared memory that they come from.
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

#include "kernels/simt/ptx/target.cuh"
#include "kernels/simt/simt.cuh"

#if !defined(__CUDACC__)
#include <array>
#include <bit>
#include <cmath>
#endif

namespace dnsp::simt {

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

}  // namespace dnsp::simt
