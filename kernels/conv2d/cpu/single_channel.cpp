#include "kernels/conv2d/cpu/single_channel.hpp"

#include <algorithm>

#include "kernels/conv2d/cpu/direct.hpp"
#include "kernels/conv2d/cpu/strips.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

constexpr int pixels_of_run = 8;

float sum_of_lanes(Vector vector) {
    float lanes[packet];
    store(lanes, vector);
    for (int half = packet / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
    return lanes[0];
}

/// The channels of a row of taps are contiguous in the image and in the weight. They are summed in vectors;
/// `with_rest` sums the channels after the last whole vector one by one. The lanes are added at the end.
template <bool with_rest>
void collapse_rows(const Conv2dShape& s, std::int64_t channels, const float* wide, const float* weights,
                   const Epilogue& epilogue) {
    const std::int64_t row = s.kernel_width * channels, vectors = row / packet * packet;
    const Strips strips(s);
#pragma omp parallel
    {
        FramedRows framed(s, channels, pixels_of_run - 1);
#pragma omp for schedule(static)
        for (std::int64_t strip = 0; strip < strips.count; ++strip) {
            const Strips::Rows rows = strips.rows(strip);
            framed.load(wide, rows);
            for (std::int64_t y = rows.begin; y < rows.end; ++y)
                for (std::int64_t x = 0; x < s.width; x += pixels_of_run) {
                    Vector sums[pixels_of_run]{};
                    float rests[pixels_of_run]{};
                    for (std::int64_t i = framed.first_taps(y); i < framed.end_taps(y); ++i) {
                        const float* const pixels = framed.row(y, i) + x * channels;
                        const float* const factors = weights + i * row;
                        for (std::int64_t k = 0; k < vectors; k += packet)
                            for (int r = 0; r < pixels_of_run; ++r)
                                sums[r] = multiply_add(load<Vector>(pixels + r * channels + k),
                                                       load<Vector>(factors + k), sums[r]);
                        if constexpr (with_rest)
                            for (std::int64_t k = vectors; k < row; ++k)
                                for (int r = 0; r < pixels_of_run; ++r)
                                    rests[r] =
                                        cpu::multiply_add(pixels[r * channels + k], factors[k], rests[r]);
                    }
                    const std::int64_t first = (rows.image * s.height + y) * s.width + x;
                    for (int r = 0; r < std::min<std::int64_t>(pixels_of_run, s.width - x); ++r)
                        epilogue.write(first + r, 0, sum_of_lanes(sums[r]) + rests[r]);
                }
        }
    }
}

void collapse(const Conv2dShape& s, const Taps& taps, const float* wide, const float* weight,
              const Epilogue& epilogue) {
    const Scratch weights =
        packed_in_panels(taps.count, taps.from, taps.from,
                         [&](std::int64_t tap, std::int64_t c) { return weight[taps.at(tap, c, 0)]; });
    const auto run = s.kernel_width * taps.from % packet == 0 ? collapse_rows<false> : collapse_rows<true>;
    run(s, taps.from, wide, weights.get(), epilogue);
}

}  // namespace

bool single_channel_supports(const Conv2dShape& s) {
    return std::min(s.in_channels, s.out_channels) == 1 &&
           std::max(s.in_channels, s.out_channels) >= channel_unit;
}

void single_channel_forward(const Conv2dShape& s, const Conv2dForward<float>& pass) {
    if (s.out_channels > 1) return direct_forward(s, pass);
    collapse(s, Taps(s, false), pass.input, pass.weight, Epilogue(pass));
}

void single_channel_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<float>& pass) {
    if (s.in_channels > 1) return direct_backward_input(s, pass);
    collapse(s, Taps(s, true), pass.output_gradient, pass.weight, Epilogue(pass));
}

}  // namespace dnsp::kernels::cpu::detail
