#pragma once

#include <bit>
#include <cstdint>

#if defined(__CUDACC__)
#define DNSP_ON_ALL_DEVICES __host__ __device__
#else
#define DNSP_ON_ALL_DEVICES
#endif

namespace dnsp::kernels {

/// The upper half of a float: its sign, its 8 bits of exponent and 7 of its mantissa. Stored, not computed
/// with.
struct bfloat16 {
    std::uint16_t bits = 0;

    bfloat16() = default;
    /// To nearest, to even where two are as near; a NaN stays one.
    DNSP_ON_ALL_DEVICES explicit bfloat16(float value) : bits(nearest(bits_of(value))) {}
    DNSP_ON_ALL_DEVICES explicit operator float() const {
        const std::uint32_t all = static_cast<std::uint32_t>(bits) << 16;
#if defined(__CUDA_ARCH__)
        return __uint_as_float(all);
#else
        return std::bit_cast<float>(all);
#endif
    }

  private:
    static DNSP_ON_ALL_DEVICES std::uint32_t bits_of(float value) {
#if defined(__CUDA_ARCH__)
        return __float_as_uint(value);
#else
        return std::bit_cast<std::uint32_t>(value);
#endif
    }
    static DNSP_ON_ALL_DEVICES std::uint16_t nearest(std::uint32_t all) {
        if ((all & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
        return static_cast<std::uint16_t>((all + 0x7fffu + (all >> 16 & 1u)) >> 16);
    }
};

}  // namespace dnsp::kernels

#undef DNSP_ON_ALL_DEVICES
