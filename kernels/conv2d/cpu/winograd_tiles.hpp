#pragma once

// Shared by the Winograd passes: image tiles and transforms.
//
//   output tile      = Aᵀ [ Σ_c (G w Gᵀ) ⊙ (Bᵀ x B) ] A
//   weight gradient  = Gᵀ [ Σ_tile (Bᵀ x B) ⊙ (A dy Aᵀ) ] G
//
// x is a tile of 6×6 input pixels, dy a tile of 4×4 output gradients. Each sum is 36 GEMMs, one per point of
// 6×6. The interpolation points are 0, ±1, ±2 and ∞. Transforms process a vector of neighbouring channels at
// a time.
#include "kernels/conv2d/cpu/microkernel.hpp"
#include "kernels/conv2d/cpu/winograd.hpp"

namespace dnsp::kernels::cpu::detail::winograd {

constexpr int tile_side = winograd_tile, points_across = tile_side + 2,
              points = points_across * points_across;

// ---- Transforms of a row or a column

/// Bᵀ d
inline void transform_input(const Vector (&d)[6], Vector (&r)[6]) {
    const Vector even = multiply_add(-4.0f, d[2], d[4]), odd = multiply_add(-4.0f, d[1], d[3]);
    const Vector even_of_two = d[4] - d[2], half_of_odd = d[3] - d[1];
    r[0] = multiply_add(4.0f, d[0], multiply_add(-5.0f, d[2], d[4]));
    r[1] = even + odd;
    r[2] = even - odd;
    r[3] = multiply_add(2.0f, half_of_odd, even_of_two);
    r[4] = multiply_add(-2.0f, half_of_odd, even_of_two);
    r[5] = multiply_add(4.0f, d[1], multiply_add(-5.0f, d[3], d[5]));
}

/// Aᵀ m
inline void restore_output(const Vector (&m)[6], Vector (&r)[4]) {
    const Vector sum_of_one = m[1] + m[2], difference_of_one = m[1] - m[2];
    const Vector sum_of_two = m[3] + m[4], difference_of_two = m[3] - m[4];
    r[0] = m[0] + sum_of_one + sum_of_two;
    r[1] = multiply_add(2.0f, difference_of_two, difference_of_one);
    r[2] = multiply_add(4.0f, sum_of_two, sum_of_one);
    r[3] = multiply_add(8.0f, difference_of_two, difference_of_one) + m[5];
}

/// A d
inline void transform_output_gradient(const Vector (&d)[4], Vector (&r)[6]) {
    const Vector even = d[0] + d[2], odd = d[1] + d[3];
    const Vector even_of_two = multiply_add(4.0f, d[2], d[0]), half_of_odd = multiply_add(4.0f, d[3], d[1]);
    r[0] = d[0];
    r[1] = even + odd;
    r[2] = even - odd;
    r[3] = multiply_add(2.0f, half_of_odd, even_of_two);
    r[4] = multiply_add(-2.0f, half_of_odd, even_of_two);
    r[5] = d[3];
}

/// G g
inline void transform_weight(const Vector (&g)[3], Vector (&r)[6]) {
    const Vector ends = g[0] + g[2], ends_of_two = multiply_add(4.0f, g[2], g[0]);
    r[0] = g[0] / 4.0f;
    r[1] = (ends + g[1]) / -6.0f;
    r[2] = (ends - g[1]) / -6.0f;
    r[3] = multiply_add(2.0f, g[1], ends_of_two) / 24.0f;
    r[4] = multiply_add(-2.0f, g[1], ends_of_two) / 24.0f;
    r[5] = g[2];
}

/// Gᵀ m
inline void restore_weight_gradient(const Vector (&m)[6], Vector (&r)[3]) {
    const Vector sum_of_one = (m[1] + m[2]) / 6.0f, sum_of_two = m[3] + m[4];
    r[0] = m[0] / 4.0f - sum_of_one + sum_of_two / 24.0f;
    r[1] = (m[2] - m[1]) / 6.0f + (m[3] - m[4]) / 12.0f;
    r[2] = sum_of_two / 6.0f - sum_of_one + m[5];
}

/// Computes T d Tᵀ, T being one of the transforms above: reads d by load(i, j), writes by store(i, j,
/// element).
template <int from, int to, class Load, class Store>
inline void transform_both_ways(void (&transform)(const Vector (&)[from], Vector (&)[to]), Load&& load,
                                Store&& store) {
    Vector rows[from][to];
    for (int i = 0; i < from; ++i) {
        Vector row[from];
        for (int j = 0; j < from; ++j) row[j] = load(i, j);
        transform(row, rows[i]);
    }
    for (int j = 0; j < to; ++j) {
        Vector column[from], result[to];
        for (int i = 0; i < from; ++i) column[i] = rows[i][j];
        transform(column, result);
        for (int i = 0; i < to; ++i) store(i, j, result[i]);
    }
}

// ---- Tiles

/// The tiles of all images in order.
struct ImageTiles {
    std::int64_t height, width, down, across, count;

    explicit ImageTiles(const Conv2dShape& s)
        : height(s.height),
          width(s.width),
          down(divide_up<std::int64_t>(s.height, tile_side)),
          across(divide_up<std::int64_t>(s.width, tile_side)),
          count(s.batch * down * across) {}

    /// Index of the first pixel of the tile's image, and position of the tile's corner in the image.
    struct Place {
        std::int64_t first_pixel, y, x;
    };
    Place place(std::int64_t number) const {
        return {number / (down * across) * height * width, number / across % down * tile_side,
                number % across * tile_side};
    }
};

/// The most tiles of a chunk, the tiles that are multiplied at once.
constexpr int max_chunk = 30;

/// transformed[point, tile of a chunk of `chunk` tiles, channel] of `present` tiles from `first` on. The from
/// × from input pixels of a tile start `before` pixels above and to the left of it. `outside` are
/// zeros, in place of a pixel outside of the image.
template <int from, class T, class To>
inline void transform_chunk(const ImageTiles& tiles, std::int64_t first, std::int64_t present,
                            std::int64_t chunk, std::int64_t channels, const T* images, const T* outside,
                            void (&transform)(const Vector (&)[from], Vector (&)[points_across]),
                            std::int64_t before, To* transformed) {
    const T* pixels[2][from][from];  // of a tile and of the next one
    const auto find_pixels = [&](std::int64_t number, const T*(&found)[from][from]) {
        const auto [first_pixel, y, x] = tiles.place(number);
        for (int i = 0; i < from; ++i)
            for (int j = 0; j < from; ++j) {
                const std::int64_t row = y + i - before, column = x + j - before;
                const bool inside = row >= 0 && row < tiles.height && column >= 0 && column < tiles.width;
                found[i][j] =
                    inside ? images + (first_pixel + row * tiles.width + column) * channels : outside;
            }
    };
    find_pixels(first, pixels[0]);
    for (std::int64_t n = 0; n < present; ++n) {
        const auto &now = pixels[n % 2], &next = pixels[(n + 1) % 2];
        find_pixels(std::min(first + n + 1, tiles.count - 1), pixels[(n + 1) % 2]);
        for (std::int64_t c = 0; c < channels; c += packet)
            transform_both_ways(
                transform,
                [&](int i, int j) {
                    // The first from - tile_side columns are also those of this tile.
                    if (j >= from - tile_side) __builtin_prefetch(next[i][j] + c);
                    return load<Vector>(now[i][j] + c);
                },
                [&](int i, int j, const Vector& element) {
                    store(transformed + ((i * points_across + j) * chunk + n) * channels + c, element);
                });
    }
}

}  // namespace dnsp::kernels::cpu::detail::winograd
