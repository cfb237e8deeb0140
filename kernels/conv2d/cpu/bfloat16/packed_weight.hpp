#pragma once

#include "kernels/conv2d/cpu/bfloat16/unit.hpp"
#include "kernels/conv2d/cpu/strips.hpp"

namespace dnsp::kernels::cpu::detail {

/// The second matrix of a unit's products: packed[panel][row / 2][channel of the panel][row % 2] of
/// weight(row, channel), row < rows, an even number.
template <class Weight>
ScratchOf<bfloat16> packed_weight(std::int64_t rows, std::int64_t channels, std::int64_t panel,
                                  const Weight& weight) {
    auto packed = uninitialised<bfloat16>(rows * channels);
#pragma omp parallel for schedule(static)
    for (std::int64_t first = 0; first < channels; first += panel) {
        bfloat16* to = packed.get() + first * rows;
        for (std::int64_t row = 0; row < rows; row += 2)
            for (std::int64_t c = 0; c < panel; ++c)
                for (std::int64_t odd = 0; odd < 2; ++odd) *to++ = bfloat16(weight(row + odd, first + c));
    }
    return packed;
}

/// The same with a row for each tap and channel of the input.
inline ScratchOf<bfloat16> packed_weight(const Taps& taps, const float* weight, std::int64_t panel) {
    return packed_weight(taps.count * taps.from, taps.to, panel, [&](std::int64_t row, std::int64_t t) {
        return weight[taps.at(row / taps.from, row % taps.from, t)];
    });
}

}  // namespace dnsp::kernels::cpu::detail
