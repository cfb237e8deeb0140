#include "kernels/conv2d/cpu/few_channels.hpp"

#include <algorithm>
#include <bit>

#include "kernels/conv2d/cpu/direct.hpp"
#include "kernels/conv2d/cpu/strips.hpp"
#include "kernels/conv2d/cpu/winograd_expand.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

/// Adds the upper half of the lanes to the lower half until one is left.
float sum_of_lanes(Vector vector) { return Eigen::internal::predux(std::bit_cast<Packet>(vector)); }

/// Sums of `pixels` neighbouring pixels and `outputs` channels: a register tile of vectors. The channels of a
/// row of taps are contiguous in the image and in the weight. They are summed in vectors; `with_rest` sums
/// the channels after the last whole vector one by one. The lanes are added at the end.
template <int pixels, int outputs, bool with_rest>
void collapse_tile(const TapRows<float>::Rows& taps, std::int64_t rows, std::int64_t channels,
                   std::int64_t row, const float* weights, std::int64_t output_stride,
                   float (&sums)[pixels][outputs]) {
    const std::int64_t vectors = row / packet * packet;
    Vector lanes[pixels][outputs]{};
    float rests[pixels][outputs]{};
    for (std::int64_t i = 0; i < rows; ++i) {
        const float* const wide = taps.first + i * taps.stride;
        const float* const factors = weights + i * row;
        for (std::int64_t k = 0; k < vectors; k += packet)
            for (int o = 0; o < outputs; ++o) {
                const Vector factor = load<Vector>(factors + o * output_stride + k);
                for (int r = 0; r < pixels; ++r)
                    lanes[r][o] = multiply_add(load<Vector>(wide + r * channels + k), factor, lanes[r][o]);
            }
        if constexpr (with_rest)
            for (std::int64_t k = vectors; k < row; ++k)
                for (int o = 0; o < outputs; ++o)
                    for (int r = 0; r < pixels; ++r)
                        rests[r][o] = cpu::multiply_add(wide[r * channels + k],
                                                        factors[o * output_stride + k], rests[r][o]);
    }
    for (int r = 0; r < pixels; ++r)
        for (int o = 0; o < outputs; ++o) sums[r][o] = sum_of_lanes(lanes[r][o]) + rests[r][o];
}

/// Weights are stored [output][tap][channel], with zeros for outputs beyond taps.to.
template <int pixels, int outputs, bool with_rest, class To>
void collapse_rows(const Conv2dShape& s, const Taps& taps, const StoredImage& wide, const float* weights,
                   const Epilogue<To>& epilogue) {
    const std::int64_t row = s.kernel_width * taps.from, output_stride = s.kernel_height * row;
    const Strips strips(s);
#pragma omp parallel
    {
        TapRows<float> tap_rows(s, taps.from, pixels, wide);
#pragma omp for schedule(static)
        for (std::int64_t strip = 0; strip < strips.count; ++strip) {
            const Strips::Rows rows = strips.rows(strip);
            tap_rows.load(rows);
            for (std::int64_t y = rows.begin; y < rows.end; ++y)
                for (std::int64_t x = 0; x < s.width; x += pixels) {
                    const std::int64_t first = (rows.image * s.height + y) * s.width + x;
                    const auto of_tile = tap_rows.at(y, x);
                    for (std::int64_t o = 0; o < taps.to; o += outputs) {
                        float sums[pixels][outputs];
                        collapse_tile<pixels, outputs, with_rest>(of_tile, s.kernel_height, taps.from, row,
                                                                  weights + o * output_stride, output_stride,
                                                                  sums);
                        for (int r = 0; r < std::min<std::int64_t>(pixels, s.width - x); ++r)
                            for (int c = 0; c < std::min<std::int64_t>(outputs, taps.to - o); ++c)
                                epilogue.write((first + r) * taps.to + o + c, o + c, sums[r][c]);
                    }
                }
        }
    }
}

template <int pixels, int outputs, class To>
void collapse_in_tiles(const Conv2dShape& s, const Taps& taps, const StoredImage& wide, const float* weight,
                       const Epilogue<To>& epilogue) {
    const std::int64_t padded = divide_up<std::int64_t>(taps.to, outputs) * outputs;
    const Scratch weights =
        packed_in_panels(padded * taps.count, taps.from, taps.from, [&](std::int64_t row, std::int64_t c) {
            const std::int64_t o = row / taps.count;
            return o < taps.to ? weight[taps.at(row % taps.count, c, o)] : 0.0f;
        });
    const auto run = s.kernel_width * taps.from % packet == 0 ? collapse_rows<pixels, outputs, false, To>
                                                              : collapse_rows<pixels, outputs, true, To>;
    run(s, taps, wide, weights.get(), epilogue);
}

template <class To>
void collapse(const Conv2dShape& s, const Taps& taps, const StoredImage& wide, const float* weight,
              const Epilogue<To>& epilogue) {
    // As many sums as registers hold.
    if (taps.to == 1)
        collapse_in_tiles<8, 1>(s, taps, wide, weight, epilogue);
    else
        collapse_in_tiles<tile_rows, max_vectors>(s, taps, wide, weight, epilogue);
}

}  // namespace

bool few_channels_supports(const Conv2dShape& s) {
    return std::min(s.in_channels, s.out_channels) <= max_few_channels &&
           std::max(s.in_channels, s.out_channels) >= channel_unit;
}

template <class In, class Out>
void few_channels_forward(const Conv2dShape& s, const Conv2dForward<In, Out>& pass) {
    const Taps taps(s, false);
    if (winograd_expand_supports(s, taps)) return winograd_expand_forward(s, pass);
    if (s.out_channels > max_few_channels) return direct_forward(s, pass);
    collapse(s, taps, pass.input, pass.weight, Epilogue(pass));
}

template <class In, class Out>
void few_channels_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<In, Out>& pass) {
    const Taps taps(s, true);
    if (winograd_expand_supports(s, taps)) return winograd_expand_backward_input(s, pass);
    if (s.in_channels > max_few_channels) return direct_backward_input(s, pass);
    collapse(s, taps, pass.output_gradient, pass.weight, Epilogue(pass));
}

DNSP_INSTANTIATE_STORED(few_channels_forward);
DNSP_INSTANTIATE_STORED(few_channels_backward_input);

}  // namespace dnsp::kernels::cpu::detail
