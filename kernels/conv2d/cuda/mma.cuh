#pragma once

// What the tensor-core convolutions share: how operands are made and multiplied.
//
// Operands are words of 32 bits: one tf32 number, or a pair of bfloat16. A matrix product does not care in
// which order it sums over k as long as both operands agree, so a pair holds whatever two numbers suit the
// loads: those of two float4 read 16 channels (forward) or 8 pixels (backward weight) apart. That makes the
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

/// Blocks of 128 threads that a SM holds at once: their sums fill its registers.
template <int block_channels>
constexpr int resident_blocks = block_channels == 64 ? 3 : 2;

/// Calls body.operator()<Operands, block_channels>() for the precision of conv2d_options() and for blocks
/// that own 64 of `channels` or 128, the narrower ones where the last of the wider ones would be half empty.
template <class Body>
void with_operands_and_block(std::int64_t channels, Body&& body) {
    const Conv2dPrecision precision = conv2d_options().precision;
    require(precision != Conv2dPrecision::float32,
            "[conv2d] tensor cores multiply in tf32 or bfloat16, not in float32");
    const bool narrow = channels % 128 > 0 && channels % 128 <= 64;
    if (precision == Conv2dPrecision::tf32)
        narrow ? body.template operator()<Tf32, 64>() : body.template operator()<Tf32, 128>();
    else
        narrow ? body.template operator()<Bfloat16, 64>() : body.template operator()<Bfloat16, 128>();
}

}  // namespace dnsp::kernels::cuda::detail
