#pragma once

// Shared by the tensor-core convolutions: packing and multiplication of operands.
//
// Operands are 32-bit words: one tf32 number or a pair of bfloat16. A GEMM may sum over k in any order that
// both operands share, so a pair combines two numbers that suit the loads: elements of two float4 that are 16
// channels (forward) or 8 pixels (backward weight) apart. The two precisions therefore differ only in the
// structs below.
// two precisions differ in nothing but the structs below.
#include "base/error.hpp"
#include "kernels/conv2d/cuda/int_shape.hpp"
#include "kernels/simt/grid.hpp"
#include "kernels/simt/ptx.cuh"

namespace dnsp::kernels::cuda::detail {

struct Tf32 {
    static constexpr int per_word = 1;

    static __device__ __forceinline__ uint4 words(const float4 (&v)[1]) {
        return {simt::round_to_tf32(v[0].x), simt::round_to_tf32(v[0].y), simt::round_to_tf32(v[0].z),
                simt::round_to_tf32(v[0].w)};
    }
    /// sums += A·B, with 16 × 8 words of A and 8 × 8 words of B.
    static __device__ __forceinline__ void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4],
                                                        std::uint32_t b0, std::uint32_t b1) {
        simt::mma_m16n8k8_tf32(sums, a, b0, b1, sums);
    }
};

struct Bfloat16 {
    static constexpr int per_word = 2;

    static __device__ __forceinline__ uint4 words(const float4 (&v)[2]) {
        return {simt::pack_bfloat16x2(v[0].x, v[1].x), simt::pack_bfloat16x2(v[0].y, v[1].y),
                simt::pack_bfloat16x2(v[0].z, v[1].z), simt::pack_bfloat16x2(v[0].w, v[1].w)};
    }
    static __device__ __forceinline__ void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4],
                                                        std::uint32_t b0, std::uint32_t b1) {
        simt::mma_m16n8k16_bf16(sums, a, b0, b1, sums);
    }
};

/// Blocks of 128 threads per SM. Their sums fill the registers.
template <int block_channels>
constexpr int resident_blocks = block_channels == 64 ? 3 : 2;

/// Calls body.operator()<Operands, block_channels>() for the precision of conv2d_options(). Blocks own 64 or
/// 128 of `channels`: 64 if the last block of 128 would be half empty.
template <class Body>
void with_operands_and_block(std::int64_t channels, Body&& body) {
    const Conv2dPrecision precision = conv2d_options().precision;
    require(precision != Conv2dPrecision::float32,
            "[conv2d] tensor cores support tf32 and bfloat16, not float32");
    const bool narrow = channels % 128 > 0 && channels % 128 <= 64;
    if (precision == Conv2dPrecision::tf32)
        narrow ? body.template operator()<Tf32, 64>() : body.template operator()<Tf32, 128>();
    else
        narrow ? body.template operator()<Bfloat16, 64>() : body.template operator()<Bfloat16, 128>();
}

}  // namespace dnsp::kernels::cuda::detail
