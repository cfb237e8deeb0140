#pragma once

#include <vector>

#include "kernels/conv2d/cpu/bfloat16/unit.hpp"
#include "kernels/conv2d/cpu/strips.hpp"

namespace dnsp::kernels::cpu::detail {

/// For each row of a unit's second matrix, its tap and input channel as an index of the weights of output
/// channel 0; −1: the row is zero. An even number of rows.
using WeightRows = std::vector<std::int64_t>;

/// A row for each tap and channel of the input: `depth` channels for all taps, then the next ones.
inline WeightRows rows_of_taps(const Taps& taps, std::int64_t depth) {
    WeightRows rows;
    rows.reserve(static_cast<std::size_t>(taps.count * taps.from));
    for (std::int64_t first = 0; first < taps.from; first += depth)
        for (std::int64_t tap = 0; tap < taps.count; ++tap)
            for (std::int64_t f = first; f < first + depth; ++f) rows.push_back(taps.at(tap, f, 0));
    return rows;
}

/// The second matrix of a unit's products, packed[panel][row / 2][output channel of the panel][row % 2].
inline ScratchOf<bfloat16> packed_weight(const Taps& taps, const float* weight, const WeightRows& rows,
                                         std::int64_t panel) {
    const auto count = static_cast<std::int64_t>(rows.size());
    auto packed = uninitialised<bfloat16>(count * taps.to);
#pragma omp parallel for schedule(static)
    for (std::int64_t t = 0; t < taps.to; ++t) {
        const float* const of_channel = weight + taps.at(0, 0, t) - taps.at(0, 0, 0);
        bfloat16* const to = packed.get() + t / panel * panel * count + t % panel * 2;
        for (std::int64_t row = 0; row < count; ++row) {
            const std::int64_t from = rows[static_cast<std::size_t>(row)];
            to[row / 2 * 2 * panel + row % 2] = bfloat16(from >= 0 ? of_channel[from] : 0.0f);
        }
    }
    return packed;
}

}  // namespace dnsp::kernels::cpu::detail
