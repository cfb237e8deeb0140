#pragma once

// Philox4x32-10 (Salmon et al., SC'11): ten rounds of a bijection on two pairs of words; between rounds the
// Weyl constants are added to the key. test_philox.cpp checks it against Random123's known answers.
#include <array>
#include <cstdint>

namespace dnsp::reference {

struct PhiloxWords {
    std::array<std::uint32_t, 4> operator()(std::array<std::uint32_t, 4> words,
                                            std::array<std::uint32_t, 2> key) const {
        for (std::uint32_t round = 0; round < 10; ++round) {
            const std::uint32_t left_key = key[0] + round * golden_ratio,
                                right_key = key[1] + round * root_of_three;
            const Product left = multiply(left_multiplier, words[0]),
                          right = multiply(right_multiplier, words[2]);
            words = {right.high ^ words[1] ^ left_key, right.low, left.high ^ words[3] ^ right_key, left.low};
        }
        return words;
    }

  private:
    static constexpr std::uint32_t left_multiplier = 3528531795u, right_multiplier = 3449720151u;
    static constexpr std::uint32_t golden_ratio = 2654435769u, root_of_three = 3144134277u;

    struct Product {
        std::uint32_t high, low;
    };
    /// The 64-bit product, computed from halves of 16 bits.
    static Product multiply(std::uint32_t a, std::uint32_t b) {
        const std::uint64_t low = static_cast<std::uint64_t>(a) * (b & 0xffff);
        const std::uint64_t high = static_cast<std::uint64_t>(a) * (b >> 16) + (low >> 16);
        return {static_cast<std::uint32_t>(high >> 16),
                static_cast<std::uint32_t>(high << 16) | static_cast<std::uint32_t>(low & 0xffff)};
    }
};

}  // namespace dnsp::reference
