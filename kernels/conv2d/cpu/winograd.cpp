#include "kernels/conv2d/cpu/winograd.hpp"

#include <algorithm>

#include "kernels/conv2d/cpu/winograd_tiles.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

using namespace winograd;

static_assert(chunk % tile_rows == 0);

/// [point][panel][from][channels of a panel] for the products of squares with weights; `backward` as below,
/// its taps turned by 180°.
Scratch transformed_weight(const Conv2dShape& s, const float* weight, bool backward) {
    const std::int64_t of_out = 9 * s.in_channels, of_in = 1;  // where neighbouring channels lie
    const std::int64_t from = backward ? s.out_channels : s.in_channels,
                       to = backward ? s.in_channels : s.out_channels;
    const std::int64_t of_from = backward ? of_out : of_in, of_to = backward ? of_in : of_out;
    auto transformed = uninitialised(points * from * to);
    const std::int64_t panel = panel_vectors(to) * packet;
#pragma omp parallel for schedule(static)
    for (std::int64_t t = 0; t < to; t += packet)
        for (std::int64_t f = 0; f < from; ++f)
            transform_both_ways(
                transform_weight,
                [&](int i, int j) {
                    const int tap = backward ? 8 - (3 * i + j) : 3 * i + j;
                    const float* const first = weight + tap * s.in_channels + f * of_from + t * of_to;
                    Vector taps;
                    for (int lane = 0; lane < packet; ++lane) taps[lane] = first[lane * of_to];
                    return taps;
                },
                [&](int i, int j, const Vector& element) {
                    store(transformed.get() + (i * points_across + j) * from * to + t / panel * panel * from +
                              f * panel + t % panel,
                          element);
                });
    return transformed;
}

/// sums[square, t] = Σ_f squares[square, f] · weights[f, t] of a chunk, each summed in the order of f.
void multiply(std::int64_t from, const float* squares, const float* weights, std::int64_t to, float* sums) {
    with_panels_of(to, [&]<int vectors>() {
        constexpr std::int64_t panel = vectors * packet;
        for (std::int64_t t = 0; t < to; t += panel)
            for (int row = 0; row < chunk; row += tile_rows) {
                Tile<tile_rows, vectors> tile{};
                multiply_tile<tile_rows, vectors>(from, squares + row * from, from, 1, weights + t * from,
                                                  panel, tile);
                store_tile<tile_rows, vectors>(tile, sums + row * to + t, to);
            }
    });
}

/// Of square `number`, which is the n-th of its chunk.
void restore_square(const Squares& squares, std::int64_t number, std::int64_t n, std::int64_t channels,
                    const float* sums, const Finish& finish) {
    const auto [first_pixel, y, x] = squares.place(number);
    const std::int64_t height = squares.height - y, width = squares.width - x;
    for (std::int64_t c = 0; c < channels; c += packet)
        transform_both_ways(
            restore_output,
            [&](int i, int j) {
                return load<Vector>(sums + ((i * points_across + j) * chunk + n) * channels + c);
            },
            [&, first_pixel = first_pixel, y = y, x = x](int i, int j, const Vector& element) {
                if (i >= height || j >= width) return;
                const std::int64_t first = (first_pixel + (y + i) * squares.width + x + j) * channels + c;
                finish.write(first, c, element);
            });
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
            transform_chunk(squares, begin, present, from, images, transform_input, 1, transformed.get());
            for (int point = 0; point < points; ++point) {
                float* const rows = transformed.get() + point * chunk * from;
                std::fill(rows + present * from, rows + chunk * from, 0.0f);
                multiply(from, rows, weights.get() + point * from * to, to, sums.get() + point * chunk * to);
            }
            for (std::int64_t n = 0; n < present; ++n)
                restore_square(squares, begin + n, n, to, sums.get(), finish);
        }
    }
}

}  // namespace

bool winograd_serves(const Conv2dShape& s) {
    return s.kernel_height == 3 && s.kernel_width == 3 && s.in_channels % channel_unit == 0 &&
           s.out_channels % channel_unit == 0;
}

void winograd_forward(const Conv2dShape& s, const float* input, const float* weight, const float* bias,
                      const Conv2dEpilogue<float>& epilogue, float* output) {
    convolve(s, false, input, weight, Finish::forward(bias, epilogue, output));
}

void winograd_backward_input(const Conv2dShape& s, const float* output_gradient, double scale,
                             const float* weight, const float* rectified_input, const float* added,
                             float* input_gradient) {
    convolve(s, true, output_gradient, weight,
             Finish::backward_input(scale, rectified_input, added, input_gradient));
}

}  // namespace dnsp::kernels::cpu::detail
