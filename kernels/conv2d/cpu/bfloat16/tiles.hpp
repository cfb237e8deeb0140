#pragma once

// Products by AMX tiles. A tile is 16 rows of 64 bytes: 16 × 16 floats, or 16 × 32 numbers in bfloat16.
#include "kernels/conv2d/cpu/bfloat16/unit.hpp"

namespace dnsp::kernels::cpu::detail {

constexpr std::int64_t tile_side = 16, tile_depth = 32;

/// `down` tiles of rows × `across` tiles of channels, 1 or 2 each. Tiles 0 to 3 hold the sums, 4 and 5 rows
/// of a, 6 and 7 channels of b, so that two by two tiles need four loads for four products.
template <class Tiles, int down, int across>
void multiply_block(const Bfloat16Product& p, std::int64_t row) {
    const std::int64_t a_bytes = p.a_stride * static_cast<std::int64_t>(sizeof(bfloat16)),
                       b_bytes = 2 * p.channels * static_cast<std::int64_t>(sizeof(bfloat16)),
                       sums_bytes = p.sums_stride * static_cast<std::int64_t>(sizeof(float));
    float* const sums = p.sums + row * p.sums_stride;
    float* const below = sums + tile_side * p.sums_stride;
    if (p.add) {
        Tiles::template load<0>(sums, sums_bytes);
        if constexpr (down == 2) Tiles::template load<1>(below, sums_bytes);
        if constexpr (across == 2) Tiles::template load<2>(sums + tile_side, sums_bytes);
        if constexpr (down == 2 && across == 2) Tiles::template load<3>(below + tile_side, sums_bytes);
    } else {
        Tiles::template zero<0>();
        if constexpr (down == 2) Tiles::template zero<1>();
        if constexpr (across == 2) Tiles::template zero<2>();
        if constexpr (down == 2 && across == 2) Tiles::template zero<3>();
    }
    const bfloat16* b = p.b;
    for (std::int64_t t = 0; t < p.parts; ++t) {
        const bfloat16* const a = p.a[t] + row * p.a_stride;
        for (std::int64_t k = 0; k < p.depth; k += tile_depth, b += tile_depth * p.channels) {
            Tiles::template load<6>(b, b_bytes);
            Tiles::template load<4>(a + k, a_bytes);
            Tiles::template add_products<0, 4, 6>();
            if constexpr (down == 2) {
                Tiles::template load<5>(a + tile_side * p.a_stride + k, a_bytes);
                Tiles::template add_products<1, 5, 6>();
            }
            if constexpr (across == 2) {
                Tiles::template load<7>(b + 2 * tile_side, b_bytes);
                Tiles::template add_products<2, 4, 7>();
            }
            if constexpr (down == 2 && across == 2) Tiles::template add_products<3, 5, 7>();
        }
    }
    Tiles::template store<0>(sums, sums_bytes);
    if constexpr (down == 2) Tiles::template store<1>(below, sums_bytes);
    if constexpr (across == 2) Tiles::template store<2>(sums + tile_side, sums_bytes);
    if constexpr (down == 2 && across == 2) Tiles::template store<3>(below + tile_side, sums_bytes);
}

template <class Tiles, int across>
void multiply_rows(const Bfloat16Product& p) {
    std::int64_t row = 0;
    for (; row + 2 * tile_side <= p.rows; row += 2 * tile_side) multiply_block<Tiles, 2, across>(p, row);
    if (row < p.rows) multiply_block<Tiles, 1, across>(p, row);
}

template <class Tiles>
void multiply_by_tiles(const Bfloat16Product& p) {
    [[maybe_unused]] const typename Tiles::Configuration configured{};
    if (p.channels == 2 * tile_side)
        multiply_rows<Tiles, 2>(p);
    else
        multiply_rows<Tiles, 1>(p);
}

constexpr Bfloat16Unit unit_of_tiles(const char* name, bool (*is_available)(), bool (*is_fast)(),
                                     void (*multiply)(const Bfloat16Product&)) {
    return {name, tile_side, tile_depth, 2 * tile_side, true, is_available, is_fast, multiply};
}

}  // namespace dnsp::kernels::cpu::detail
