#include "kernels/conv2d/cpu/bfloat16/direct.hpp"

#include <algorithm>

#include "kernels/conv2d/cpu/bfloat16/packed_weight.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

template <class To>
void convolve(const Conv2dShape& s, const Taps& taps, const StoredImage& images, const float* weight,
              const Epilogue<To>& epilogue) {
    const Bfloat16Unit& unit = *bfloat16_unit();
    const std::int64_t panel = panel_channels(taps.to, unit.max_channels),
                       columns = divide_up(s.width, unit.rows) * unit.rows;
    const auto weights = packed_weight(taps, weight, panel);
    const Strips strips(s);
#pragma omp parallel
    {
        FramedRows<bfloat16> framed(s, taps.from, columns - s.width);
        const auto sums = uninitialised(columns * panel);
        const auto parts = std::make_unique<const bfloat16*[]>(static_cast<std::size_t>(taps.count));
#pragma omp for schedule(dynamic)
        for (std::int64_t strip = 0; strip < strips.count; ++strip) {
            const Strips::Rows rows = strips.rows(strip);
            framed.load(images, rows);
            for (std::int64_t y = rows.begin; y < rows.end; ++y) {
                const std::int64_t first = framed.first_taps(y), end = framed.end_taps(y);
                for (std::int64_t i = first; i < end; ++i)
                    for (std::int64_t j = 0; j < s.kernel_width; ++j)
                        parts[static_cast<std::size_t>((i - first) * s.kernel_width + j)] =
                            framed.row(y, i) + j * taps.from;
                for (std::int64_t t = 0; t < taps.to; t += panel) {
                    unit.multiply(
                        {.rows = columns,
                         .channels = panel,
                         .depth = taps.from,
                         .parts = (end - first) * s.kernel_width,
                         .a = parts.get(),
                         .a_stride = taps.from,
                         .b = weights.get() + (t * taps.count + first * s.kernel_width * panel) * taps.from,
                         .sums = sums.get(),
                         .sums_stride = panel});
                    const std::int64_t pixel = (rows.image * s.height + y) * s.width;
                    for (std::int64_t x = 0; x < s.width; ++x)
                        for (std::int64_t c = 0; c < panel; c += packet)
                            epilogue.write((pixel + x) * taps.to + t + c, t + c,
                                           load<Vector>(sums.get() + x * panel + c));
                }
            }
        }
    }
}

}  // namespace

bool bfloat16_direct_supports(const Conv2dShape& s) {
    const std::int64_t unit_channels = std::max(channel_unit, bfloat16_unit()->depth);
    return s.in_channels % unit_channels == 0 && s.out_channels % unit_channels == 0;
}

template <class In, class Out>
void bfloat16_direct_forward(const Conv2dShape& s, const Conv2dForward<In, Out>& pass) {
    convolve(s, Taps(s, false), pass.input, pass.weight, Epilogue(pass));
}

template <class In, class Out>
void bfloat16_direct_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<In, Out>& pass) {
    convolve(s, Taps(s, true), pass.output_gradient, pass.weight, Epilogue(pass));
}

DNSP_INSTANTIATE_STORED(bfloat16_direct_forward);
DNSP_INSTANTIATE_STORED(bfloat16_direct_backward_input);

}  // namespace dnsp::kernels::cpu::detail
