#pragma once

// Products by AMX tiles. A tile is 16 rows of 64 bytes: 16 × 16 floats, or 16 × 32 numbers in bfloat16.
#include "kernels/conv2d/cpu/bfloat16/unit.hpp"

namespace dnsp::kernels::cpu::detail {

constexpr std::int64_t tile_side = 16, tile_depth = 32;

/// The sums of a block: tile n has the rows n % down and the channels n / down. The tiles from n to count − 1
/// are loaded or set to zero, or stored.
template <class Tiles, int down, int count, int n = 0>
[[gnu::always_inline]] inline void begin_sums(const Bfloat16Product& p, const float* sums,
                                              std::int64_t bytes) {
    if constexpr (n < count) {
        if (p.add)
            Tiles::template load<n>(sums + n % down * tile_side * p.sums_stride + n / down * tile_side,
                                    bytes);
        else
            Tiles::template zero<n>();
        begin_sums<Tiles, down, count, n + 1>(p, sums, bytes);
    }
}
template <class Tiles, int down, int count, int n = 0>
[[gnu::always_inline]] inline void store_sums(const Bfloat16Product& p, float* sums, std::int64_t bytes) {
    if constexpr (n < count) {
        Tiles::template store<n>(sums + n % down * tile_side * p.sums_stride + n / down * tile_side, bytes);
        store_sums<Tiles, down, count, n + 1>(p, sums, bytes);
    }
}
/// Adds the products of the rows from r to down − 1 of a, which lie `line` elements apart, and of tiles 6
/// and 7.
template <class Tiles, int down, int across, int r = 0>
[[gnu::always_inline]] inline void add_rows(const bfloat16* a, std::int64_t line, std::int64_t bytes) {
    if constexpr (r < down) {
        constexpr int loaded = 4 + r % 2;
        Tiles::template load<loaded>(a, bytes);
        Tiles::template add_products<r, loaded, 6>();
        if constexpr (across == 2) Tiles::template add_products<down + r, loaded, 7>();
        add_rows<Tiles, down, across, r + 1>(a + line, line, bytes);
    }
}

/// `down` tiles of rows × `across` tiles of channels, four at most. Tiles 0 to 3 hold the sums, 4 and 5 rows
/// of a, 6 and 7 channels of b. Two by two tiles need four loads for four products, four by one need five.
/// Does a step of the side work after the products of each step of the depth; `done` counts them.
template <class Tiles, int down, int across>
void multiply_block(const Bfloat16Product& p, std::int64_t row, std::int64_t& done) {
    static_assert(down * across <= 4 && across <= 2);
    constexpr auto narrow_bytes = static_cast<std::int64_t>(sizeof(bfloat16));
    const std::int64_t a_bytes = p.a_stride * narrow_bytes, b_bytes = 2 * p.channels * narrow_bytes,
                       sums_bytes = p.sums_stride * static_cast<std::int64_t>(sizeof(float)),
                       line = p.a_line != 0 ? p.a_line : tile_side * p.a_stride;
    float* const sums = p.sums + row * p.sums_stride;
    begin_sums<Tiles, down, down * across>(p, sums, sums_bytes);
    const bfloat16* b = p.b;
    for (std::int64_t t = 0; t < p.parts; t += p.parts_of_b)
        for (std::int64_t k = 0; k < p.depth; k += tile_depth, b += tile_depth * p.channels) {
            Tiles::template load<6>(b, b_bytes);
            if constexpr (across == 2) Tiles::template load<7>(b + 2 * tile_side, b_bytes);
            for (std::int64_t u = t; u < t + p.parts_of_b; ++u) {
                add_rows<Tiles, down, across>(p.a[u] + row / tile_side * line + k, line, a_bytes);
                if (done < p.side.steps) {
                    ++done;
                    p.side.do_step(p.side.context);
                }
            }
        }
    store_sums<Tiles, down, down * across>(p, sums, sums_bytes);
}

template <class Tiles, int down, int across>
void multiply_rows(const Bfloat16Product& p, std::int64_t row, std::int64_t& done) {
    for (; row + down * tile_side <= p.rows; row += down * tile_side)
        multiply_block<Tiles, down, across>(p, row, done);
    if constexpr (down > 1) multiply_rows<Tiles, down / 2, across>(p, row, done);
}

template <class Tiles>
void multiply_by_tiles(const Bfloat16Product& p) {
    std::int64_t done = 0;
    if (p.channels == 2 * tile_side)
        multiply_rows<Tiles, 2, 2>(p, 0, done);
    else
        multiply_rows<Tiles, 4, 1>(p, 0, done);
    p.side.finish(done);
}

constexpr Bfloat16Unit unit_of_tiles(const char* name, bool (*is_available)(), bool (*is_fast)(),
                                     void (*begin)(), void (*end)(),
                                     void (*multiply)(const Bfloat16Product&)) {
    return {name, tile_side, tile_depth, 2 * tile_side, true, is_available, is_fast, begin, end, multiply};
}

}  // namespace dnsp::kernels::cpu::detail
