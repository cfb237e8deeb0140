#include "kernels/conv2d_winograd.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <memory>
#include <tuple>

namespace dnsp::kernels::cpu::detail {
namespace {

// output square = Aᵀ [ Σ_c (G w Gᵀ) ⊙ (Bᵀ x B) ] A: input squares of 6×6 pixels are transformed, the sums
// over the channels c are 36 matrix products, one for each of the 6×6 points, and their results are
// transformed back. The interpolation points are 0, ±1, ±2 and ∞. Transforms run over 16 neighbouring
// channels at a time.
constexpr int square = winograd_square, points_across = square + 2, points = points_across * points_across;
using Channels = Eigen::Array<float, 16, 1>;
constexpr std::int64_t lanes = Channels::SizeAtCompileTime;

Eigen::Map<Channels> at(float* channels) { return Eigen::Map<Channels>(channels); }
Eigen::Map<const Channels> at(const float* channels) { return Eigen::Map<const Channels>(channels); }

/// Bᵀ d
inline void transform_input(const Channels (&d)[6], Channels (&r)[6]) {
    const Channels even = d[4] - 4.0f * d[2], odd = d[3] - 4.0f * d[1];
    const Channels even_of_two = d[4] - d[2], odd_of_two = 2.0f * (d[3] - d[1]);
    r[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
    r[1] = even + odd;
    r[2] = even - odd;
    r[3] = even_of_two + odd_of_two;
    r[4] = even_of_two - odd_of_two;
    r[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

/// Aᵀ m
inline void transform_output(const Channels (&m)[6], Channels (&r)[4]) {
    const Channels sum_of_one = m[1] + m[2], difference_of_one = m[1] - m[2];
    const Channels sum_of_two = m[3] + m[4], difference_of_two = m[3] - m[4];
    r[0] = m[0] + sum_of_one + sum_of_two;
    r[1] = difference_of_one + 2.0f * difference_of_two;
    r[2] = sum_of_one + 4.0f * sum_of_two;
    r[3] = difference_of_one + 8.0f * difference_of_two + m[5];
}

/// G g
inline void transform_weight(const Channels (&g)[3], Channels (&r)[6]) {
    const Channels ends = g[0] + g[2], ends_of_two = g[0] + 4.0f * g[2];
    r[0] = g[0] / 4.0f;
    r[1] = (ends + g[1]) / -6.0f;
    r[2] = (ends - g[1]) / -6.0f;
    r[3] = (ends_of_two + 2.0f * g[1]) / 24.0f;
    r[4] = (ends_of_two - 2.0f * g[1]) / 24.0f;
    r[5] = g[2];
}

std::unique_ptr<float[]> uninitialised(std::int64_t count) {
    return std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(count));
}

// ---- The products, of the rows of some squares with panels of neighbouring channels

/// Squares that are multiplied at a time: what 64 channels of them become, and the weights, stay in the
/// second-level cache; the weights of 256 channels do not, and are read anew for each chunk.
constexpr int chunk = 30;

/// Channels of a panel, in vectors, and rows that are summed at once: as many sums as the processor keeps in
/// registers (AVX-512; AVX; SSE or NEON).
constexpr int packet = Eigen::internal::packet_traits<float>::size;
constexpr int most_vectors = packet >= 16 ? 4 : 1, tile_rows = packet >= 8 ? 6 : 3;
static_assert(chunk % tile_rows == 0);

constexpr int panel_vectors(std::int64_t channels) {
    int vectors = most_vectors;
    while (channels % (vectors * lanes) != 0) --vectors;
    return vectors;
}

/// sums[row, 0…] = Σ_c squares[row, c] · panel[c, 0…] of a chunk, each summed in the order of c.
template <int vectors>
void multiply_panel(std::int64_t from, const float* squares, const float* panel, std::int64_t to,
                    float* sums) {
    for (std::int64_t row = 0; row < chunk; row += tile_rows) {
        const float* const tile = squares + row * from;
        Channels sum[tile_rows][vectors];
        for (auto& of_row : sum)
            for (Channels& channels : of_row) channels.setZero();
        for (std::int64_t c = 0; c < from; ++c) {
            Channels weights[vectors];
            for (int v = 0; v < vectors; ++v) weights[v] = at(panel + (c * vectors + v) * lanes);
            for (int r = 0; r < tile_rows; ++r)
                for (int v = 0; v < vectors; ++v) sum[r][v] += tile[r * from + c] * weights[v];
        }
        for (int r = 0; r < tile_rows; ++r)
            for (int v = 0; v < vectors; ++v) at(sums + (row + r) * to + v * lanes) = sum[r][v];
    }
}

/// The same for all `to` channels, whose weights are one panel behind the other.
template <int vectors = most_vectors>
void multiply(std::int64_t from, const float* squares, const float* weights, std::int64_t to, float* sums) {
    if constexpr (vectors > 1)
        if (vectors != panel_vectors(to)) return multiply<vectors - 1>(from, squares, weights, to, sums);
    for (std::int64_t t = 0; t < to; t += vectors * lanes)
        multiply_panel<vectors>(from, squares, weights + t * from, to, sums + t);
}

/// [point][panel][from][channels of a panel] for the products of squares with weights; `backward` as below,
/// its taps turned by 180°.
std::unique_ptr<float[]> transformed_weight(const Conv2dShape& s, const float* weight, bool backward) {
    const std::int64_t of_out = 9 * s.in_channels, of_in = 1;  // where neighbouring channels lie
    const auto [from, to, of_from, of_to] = backward
                                                ? std::tuple(s.out_channels, s.in_channels, of_out, of_in)
                                                : std::tuple(s.in_channels, s.out_channels, of_in, of_out);
    auto transformed = uninitialised(points * from * to);
    const std::int64_t panel = panel_vectors(to) * lanes;
#pragma omp parallel for schedule(static)
    for (std::int64_t t = 0; t < to; t += lanes)
        for (std::int64_t f = 0; f < from; ++f) {
            Channels rows[points_across][3];
            for (int j = 0; j < 3; ++j) {
                Channels taps[3], column[points_across];
                for (int i = 0; i < 3; ++i) {
                    const int tap = backward ? 8 - (3 * i + j) : 3 * i + j;
                    const float* first = weight + tap * s.in_channels + f * of_from + t * of_to;
                    for (std::int64_t lane = 0; lane < lanes; ++lane) taps[i][lane] = first[lane * of_to];
                }
                transform_weight(taps, column);
                for (int i = 0; i < points_across; ++i) rows[i][j] = column[i];
            }
            for (int i = 0; i < points_across; ++i) {
                Channels row[points_across];
                transform_weight(rows[i], row);
                for (int j = 0; j < points_across; ++j)
                    at(transformed.get() + (i * points_across + j) * from * to + t / panel * panel * from +
                       f * panel + t % panel) = row[j];
            }
        }
    return transformed;
}

/// The squares of all images, one after the other.
struct Squares {
    std::int64_t height, width, down, across, count;

    explicit Squares(const Conv2dShape& s)
        : height(s.height),
          width(s.width),
          down((s.height + square - 1) / square),
          across((s.width + square - 1) / square),
          count(s.batch * down * across) {}

    /// Index of the first pixel of its image, and its corner in it.
    struct Place {
        std::int64_t first_pixel, y, x;
    };
    Place place(std::int64_t number) const {
        return {number / (down * across) * height * width, number / across % down * square,
                number % across * square};
    }
};

/// transformed[point, channel] of one square, rows of `stride` floats from point to point.
void transform_square(const Squares& squares, std::int64_t number, std::int64_t channels, const float* images,
                      float* transformed, std::int64_t stride) {
    const auto [first_pixel, y, x] = squares.place(number);
    for (std::int64_t c = 0; c < channels; c += lanes) {
        Channels rows[points_across][points_across];
        for (int i = 0; i < points_across; ++i) {
            const std::int64_t row = y + i - 1;
            const bool row_inside = row >= 0 && row < squares.height;
            Channels pixels[points_across];
            for (int j = 0; j < points_across; ++j) {
                const std::int64_t column = x + j - 1;
                if (row_inside && column >= 0 && column < squares.width)
                    pixels[j] = at(images + (first_pixel + row * squares.width + column) * channels + c);
                else
                    pixels[j].setZero();
            }
            transform_input(pixels, rows[i]);
        }
        for (int j = 0; j < points_across; ++j) {
            Channels column[points_across], result[points_across];
            for (int i = 0; i < points_across; ++i) column[i] = rows[i][j];
            transform_input(column, result);
            for (int i = 0; i < points_across; ++i)
                at(transformed + (i * points_across + j) * stride + c) = result[i];
        }
    }
}

/// What becomes of the sums before they are written: of the forward or the backward pass.
struct Finish {
    const float* bias;
    float scale;
    const float* residual;
    bool rectify;
    const float* rectified_input;
    float* output;

    void write(std::int64_t at_element, std::int64_t channel, Channels sums) const {
        if (bias) sums += at(bias + channel);
        if (scale != 1.0f) sums *= scale;
        if (residual) sums += at(residual + at_element);
        if (rectify) sums = (sums < 0.0f).select(Channels::Zero(), sums);
        if (rectified_input) sums = (at(rectified_input + at_element) > 0.0f).select(sums, Channels::Zero());
        at(output + at_element) = sums;
    }
};

void restore_square(const Squares& squares, std::int64_t number, std::int64_t channels, const float* sums,
                    std::int64_t stride, const Finish& finish) {
    const auto [first_pixel, y, x] = squares.place(number);
    const int height = static_cast<int>(std::min<std::int64_t>(square, squares.height - y)),
              width = static_cast<int>(std::min<std::int64_t>(square, squares.width - x));
    for (std::int64_t c = 0; c < channels; c += lanes) {
        Channels rows[points_across][square];
        for (int i = 0; i < points_across; ++i) {
            Channels row[points_across];
            for (int j = 0; j < points_across; ++j) row[j] = at(sums + (i * points_across + j) * stride + c);
            transform_output(row, rows[i]);
        }
        for (int j = 0; j < width; ++j) {
            Channels column[points_across], result[square];
            for (int i = 0; i < points_across; ++i) column[i] = rows[i][j];
            transform_output(column, result);
            for (int i = 0; i < height; ++i)
                finish.write((first_pixel + (y + i) * squares.width + x + j) * channels + c, c, result[i]);
        }
    }
}

/// `backward`: from the gradient of the output to that of the input, with `from` and `to` channels changed.
void convolve(const Conv2dShape& s, bool backward, const float* images, const float* weight,
              const Finish& finish) {
    const std::int64_t from = backward ? s.out_channels : s.in_channels,
                       to = backward ? s.in_channels : s.out_channels;
    const auto weights = transformed_weight(s, weight, backward);
    const Squares squares(s);
#pragma omp parallel
    {
        const auto transformed = uninitialised(points * chunk * from),
                   sums = uninitialised(points * chunk * to);
#pragma omp for schedule(dynamic)
        for (std::int64_t begin = 0; begin < squares.count; begin += chunk) {
            const std::int64_t present = std::min<std::int64_t>(chunk, squares.count - begin);
            for (std::int64_t i = 0; i < present; ++i)
                transform_square(squares, begin + i, from, images, transformed.get() + i * from,
                                 chunk * from);
            for (int point = 0; point < points; ++point) {
                float* const rows = transformed.get() + point * chunk * from;
                std::fill(rows + present * from, rows + chunk * from, 0.0f);
                multiply(from, rows, weights.get() + point * from * to, to, sums.get() + point * chunk * to);
            }
            for (std::int64_t i = 0; i < present; ++i)
                restore_square(squares, begin + i, to, sums.get() + i * to, chunk * to, finish);
        }
    }
}

}  // namespace

bool winograd_serves(const Conv2dShape& s) {
    return s.kernel_height == 3 && s.kernel_width == 3 && s.in_channels % lanes == 0 &&
           s.out_channels % lanes == 0;
}

void winograd_forward(const Conv2dShape& s, const float* input, const float* weight, const float* bias,
                      const Conv2dEpilogue<float>& epilogue, float* output) {
    convolve(s, false, input, weight,
             {.bias = bias,
              .scale = static_cast<float>(epilogue.scale),
              .residual = epilogue.residual,
              .rectify = epilogue.activation == Activation::relu,
              .rectified_input = nullptr,
              .output = output});
}

void winograd_backward_input(const Conv2dShape& s, const float* output_gradient, float scale,
                             const float* weight, const float* rectified_input, const float* added,
                             float* input_gradient) {
    convolve(s, true, output_gradient, weight,
             {.bias = nullptr,
              .scale = scale,
              .residual = added,
              .rectify = false,
              .rectified_input = rectified_input,
              .output = input_gradient});
}

}  // namespace dnsp::kernels::cpu::detail
