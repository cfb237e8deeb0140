#pragma once

#include <bit>
#include <cstdint>

namespace dnsp::kernels {

/// The upper half of a float: sign, 8 bits of exponent, 7 bits of mantissa. A storage type without
/// arithmetic. Usable in kernels: for nvcc, constexpr functions are also device functions.
struct bfloat16 {
    std::uint16_t bits = 0;

    bfloat16() = default;
    /// Rounds to nearest, ties to even. NaN stays NaN.
    constexpr explicit bfloat16(float value) : bits(nearest(std::bit_cast<std::uint32_t>(value))) {}
    constexpr explicit operator float() const {
        return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
    }
    /// Bitwise equality.
    bool operator==(const bfloat16&) const = default;

  private:
    static constexpr std::uint16_t nearest(std::uint32_t bits_of_float) {
        if ((bits_of_float & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
        return static_cast<std::uint16_t>((bits_of_float + 0x7fffu + (bits_of_float >> 16 & 1u)) >> 16);
    }
};

}  // namespace dnsp::kernels
