#include "kernels/conv2d/cpu/few_channels.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>
#include <utility>

#include "kernels/conv2d/cpu/direct.hpp"
#include "kernels/conv2d/cpu/strips.hpp"
#include "kernels/conv2d/cpu/winograd_expand.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

/// Interleaves groups of `group` lanes of a and b: the even groups of both, or the odd ones.
template <int group, bool odd, int... lane>
Vector interleave(Vector a, Vector b, std::integer_sequence<int, lane...>) {
    constexpr auto source = [](int to) {
        const bool from_b = to % (2 * group) >= group;
        return to / (2 * group) * 2 * group + to % group + (odd ? group : 0) + (from_b ? packet : 0);
    };
    return __builtin_shufflevector(a, b, source(lane)...);
}
/// Lane p of the result is the sum of the lanes of vectors[p]. Overwrites the vectors.
template <int group = 1>
Vector sums_of_lanes(Vector (&vectors)[packet]) {
    if constexpr (group == packet) {
        return vectors[0];
    } else {
        constexpr std::make_integer_sequence<int, packet> lanes;
        for (int p = 0; p < packet; p += 2 * group) {
            const Vector a = vectors[p], b = vectors[p + group];
            vectors[p] = interleave<group, false>(a, b, lanes) + interleave<group, true>(a, b, lanes);
        }
        return sums_of_lanes<2 * group>(vectors);
    }
}

/// Sums of one output for as many neighbouring pixels as a vector has lanes. `width` is the kernel's. Each
/// vector of channels of a pixel is loaded once for all taps of a kernel row. Weights: [tap][channel].
template <int width>
Vector collapse_to_one(const TapRows<float>::Rows& taps, std::int64_t rows, std::int64_t channels,
                       const float* weights) {
    Vector lanes[packet]{};
    for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t c = 0; c < channels; c += packet) {
            const float* const wide = taps.first + i * taps.stride + c;
            Vector factors[width];
            for (int j = 0; j < width; ++j)
                factors[j] = load<Vector>(weights + (i * width + j) * channels + c);
            const auto add_pixel = [&]<int x>(std::integral_constant<int, x>) {
                const Vector pixel = load<Vector>(wide + x * channels);
                for (int j = std::max(0, x - packet + 1); j <= std::min(x, width - 1); ++j)
                    lanes[x - j] = multiply_add(pixel, factors[j], lanes[x - j]);
            };
            [&]<int... x>(std::integer_sequence<int, x...>) {
                (add_pixel(std::integral_constant<int, x>()), ...);
            }
            (std::make_integer_sequence<int, packet + width - 1>());
        }
    return sums_of_lanes(lanes);
}

template <int width, class To>
void collapse_rows_to_one(const Conv2dShape& s, const Taps& taps, const StoredImage& wide,
                          const float* weights, Epilogue<To> epilogue) {
    std::array<float, packet> bias;  // for a vector of pixels
    if (epilogue.bias) {
        bias.fill(*epilogue.bias);
        epilogue.bias = bias.data();
    }
    const Strips strips(s);
#pragma omp parallel
    {
        TapRows<float> tap_rows(s, taps.from, packet, wide);
#pragma omp for schedule(static)
        for (std::int64_t strip = 0; strip < strips.count; ++strip) {
            const Strips::Rows rows = strips.rows(strip);
            tap_rows.load(rows);
            // Down the columns: of the pixels under the taps, all but one row are in L1 already.
            for (std::int64_t x = 0; x < s.width; x += packet)
                for (std::int64_t y = rows.begin; y < rows.end; ++y) {
                    const Vector sums =
                        collapse_to_one<width>(tap_rows.at(y, x), s.kernel_height, taps.from, weights);
                    const std::int64_t first = (rows.image * s.height + y) * s.width + x,
                                       count = std::min<std::int64_t>(packet, s.width - x);
                    if (count == packet)
                        epilogue.write(first, 0, sums);
                    else
                        for (std::int64_t p = 0; p < count; ++p) epilogue.write(first + p, 0, sums[p]);
                }
        }
    }
}

/// The implementation for a kernel's width; null if there is none.
template <class To>
decltype(&collapse_rows_to_one<3, To>) collapse_to_one_for(std::int64_t width) {
    switch (width) {
        case 3:
            return collapse_rows_to_one<3, To>;
        case 5:
            return collapse_rows_to_one<5, To>;
        case 7:
            return collapse_rows_to_one<7, To>;
        case 9:
            return collapse_rows_to_one<9, To>;
        default:
            return nullptr;
    }
}

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
    if (taps.to == 1 && taps.from % packet == 0)
        if (const auto run = collapse_to_one_for<To>(s.kernel_width)) {
            const Scratch weights = packed_in_panels(
                taps.count, taps.from, taps.from,
                [&](std::int64_t tap, std::int64_t c) { return weight[taps.at(tap, c, 0)]; });
            return run(s, taps, wide, weights.get(), epilogue);
        }
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
