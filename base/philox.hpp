#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace dnsp {

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11): four
/// 32-bit words as a pure function of a 64-bit key and a 128-bit counter. There is no state: a stream resumes
/// at any counter, and any thread of any device can compute any element. constexpr functions are also device
/// functions for nvcc.
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = 0xD2511F53ull * counter[0];
        const std::uint64_t p1 = 0xCD9E8D57ull * counter[2];
        counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
                   static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1],
                   static_cast<std::uint32_t>(p0)};
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
    return counter;
}

/// The stream of random numbers (seed, stream). Block `index` holds four words.
struct Philox {
    std::uint64_t seed = 0;
    std::uint64_t stream = 0;

    constexpr std::array<std::uint32_t, 4> block(std::uint64_t index) const {
        return philox4x32({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                           static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)},
                          {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
    }

    constexpr std::uint32_t word(std::uint64_t i) const { return block(i / 4)[i % 4]; }

    /// The i-th number, uniform in (0, 1): (k + ½) / 2²³ with k < 2²³, exact in float32.
    constexpr double uniform(std::uint64_t i) const { return ((word(i) >> 9) + 0.5) * 0x1p-23; }

    /// The i-th number, standard normal (Box–Muller; numbers 2k and 2k + 1 share two words).
    double normal(std::uint64_t i) const {
        constexpr double two_pi = 6.283185307179586;
        const std::uint64_t pair = i / 2;
        const double radius = std::sqrt(-2.0 * std::log(uniform(2 * pair)));
        const double angle = two_pi * uniform(2 * pair + 1);
        return radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
    }

    /// The i-th number, uniform in 0 … bound − 1 (bias less than bound / 2³²).
    constexpr std::uint32_t below(std::uint64_t i, std::uint32_t bound) const {
        return static_cast<std::uint32_t>((static_cast<std::uint64_t>(word(i)) * bound) >> 32);
    }
};

}  // namespace dnsp
