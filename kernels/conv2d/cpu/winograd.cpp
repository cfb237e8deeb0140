#include "kernels/conv2d/cpu/winograd.hpp"

#include <algorithm>

#include "kernels/conv2d/cpu/winograd_tiles.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

using namespace winograd;

static_assert(chunk % tile_rows == 0);

/// The transformed weight [point][panel][from][channel of the panel]. `backward` rotates the taps by 180°.
Scratch transformed_weight(const Conv2dShape& s, const float* weight, bool backward) {
    const std::int64_t out_stride = 9 * s.in_channels, in_stride = 1;
    const std::int64_t from = backward ? s.out_channels : s.in_channels,
                       to = backward ? s.in_channels : s.out_channels;
    const std::int64_t from_stride = backward ? out_stride : in_stride,
                       to_stride = backward ? in_stride : out_stride;
    auto transformed = uninitialised(points * from * to);
    const std::int64_t panel = panel_vectors(to) * packet;
#pragma omp parallel for schedule(static)
    for (std::int64_t t = 0; t < to; t += packet)
        for (std::int64_t f = 0; f < from; ++f)
            transform_both_ways(
                transform_weight,
                [&](int i, int j) {
                    const int tap = backward ? 8 - (3 * i + j) : 3 * i + j;
                    const float* const first = weight + tap * s.in_channels + f * from_stride + t * to_stride;
                    Vector taps;
                    for (int lane = 0; lane < packet; ++lane) taps[lane] = first[lane * to_stride];
                    return taps;
                },
                [&](int i, int j, const Vector& element) {
                    store(transformed.get() + (i * points_across + j) * from * to + t / panel * panel * from +
                              f * panel + t % panel,
                          element);
                });
    return transformed;
}

/// sums[tile, t] = Σ_f tiles[tile, f] · weights[f, t] for a chunk of tiles, summed in the order of f.
void multiply(std::int64_t from, const float* tiles, const float* weights, std::int64_t to, float* sums) {
    with_panels_of(to, [&]<int vectors>() {
        constexpr std::int64_t panel = vectors * packet;
        for (std::int64_t t = 0; t < to; t += panel)
            for (int row = 0; row < chunk; row += tile_rows) {
                Tile<tile_rows, vectors> tile{};
                multiply_tile<tile_rows, vectors>(from, tiles + row * from, from, 1, weights + t * from,
                                                  panel, tile);
                store_tile<tile_rows, vectors>(tile, sums + row * to + t, to);
            }
    });
}

/// Writes the output of tile `number`, the n-th tile of its chunk, from the sums of the chunk.
void restore_tile(const ImageTiles& tiles, std::int64_t number, std::int64_t n, std::int64_t channels,
                  const float* sums, const Epilogue& epilogue) {
    const auto [first_pixel, y, x] = tiles.place(number);
    const std::int64_t height = tiles.height - y, width = tiles.width - x;
    for (std::int64_t c = 0; c < channels; c += packet)
        transform_both_ways(
            restore_output,
            [&](int i, int j) {
                return load<Vector>(sums + ((i * points_across + j) * chunk + n) * channels + c);
            },
            [&, first_pixel = first_pixel, y = y, x = x](int i, int j, const Vector& element) {
                if (i >= height || j >= width) return;
                const std::int64_t first = (first_pixel + (y + i) * tiles.width + x + j) * channels + c;
                epilogue.write(first, c, element);
            });
}

/// `backward`: the images are output gradients, and the results input gradients.
void convolve(const Conv2dShape& s, bool backward, const float* images, const float* weight,
              const Epilogue& epilogue) {
    const std::int64_t from = backward ? s.out_channels : s.in_channels,
                       to = backward ? s.in_channels : s.out_channels;
    const auto weights = transformed_weight(s, weight, backward);
    const ImageTiles tiles(s);
#pragma omp parallel
    {
        const auto transformed = uninitialised(points * chunk * from),
                   sums = uninitialised(points * chunk * to);
#pragma omp for schedule(dynamic)
        for (std::int64_t begin = 0; begin < tiles.count; begin += chunk) {
            const std::int64_t present = std::min<std::int64_t>(chunk, tiles.count - begin);
            transform_chunk(tiles, begin, present, from, images, transform_input, 1, transformed.get());
            for (int point = 0; point < points; ++point) {
                float* const rows = transformed.get() + point * chunk * from;
                std::fill(rows + present * from, rows + chunk * from, 0.0f);
                multiply(from, rows, weights.get() + point * from * to, to, sums.get() + point * chunk * to);
            }
            for (std::int64_t n = 0; n < present; ++n)
                restore_tile(tiles, begin + n, n, to, sums.get(), epilogue);
        }
    }
}

}  // namespace

bool winograd_supports(const Conv2dShape& s) {
    return s.kernel_height == 3 && s.kernel_width == 3 && s.in_channels % channel_unit == 0 &&
           s.out_channels % channel_unit == 0;
}

void winograd_forward(const Conv2dShape& s, const Conv2dForward<float>& pass) {
    convolve(s, false, pass.input, pass.weight, Epilogue(pass));
}

void winograd_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<float>& pass) {
    convolve(s, true, pass.output_gradient, pass.weight, Epilogue(pass));
}

}  // namespace dnsp::kernels::cpu::detail
