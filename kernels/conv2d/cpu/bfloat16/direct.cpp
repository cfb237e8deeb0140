#include "kernels/conv2d/cpu/bfloat16/direct.hpp"

#include <algorithm>

#include "kernels/conv2d/cpu/bfloat16/block_sums.hpp"
#include "kernels/conv2d/cpu/bfloat16/packed_weight.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

/// The block, and the channels that are summed before the next tap.
struct Blocking {
    Block block;
    std::int64_t depth;
};

/// AMX: four tiles of sums. Four image rows × 16 channels if the weights of a panel stay in L1 beside the
/// pixels, else two image rows × 32 channels. At most 64 channels of the pixels under all taps stay in L1.
Blocking blocking_for(const Bfloat16Unit& unit, const Taps& taps, std::int64_t width) {
    if (!unit.direct)
        return {{1, divide_up(width, unit.rows) * unit.rows, panel_channels(taps.to, unit.max_channels)},
                taps.from};
    constexpr std::int64_t narrow = 16, wide = 32, most_depth = 64, most_weights = 12 * 1024;
    const std::int64_t depth = taps.from % most_depth == 0 ? most_depth : unit.depth;
    if (taps.count * taps.from * narrow <= most_weights) return {{4, unit.rows, narrow}, depth};
    return {{2, unit.rows, wide}, depth};
}

template <class To>
void convolve(const Conv2dShape& s, const Taps& taps, const StoredImage& images, const float* weight,
              const Epilogue<To>& epilogue) {
    const Bfloat16Unit& unit = *bfloat16_unit();
    const Blocking blocking = blocking_for(unit, taps, s.width);
    const Block block = blocking.block;
    const std::int64_t depth = blocking.depth, parts = taps.from / depth * taps.count;
    const auto weights = packed_weight(taps, weight, rows_of_taps(taps, depth), block.channels);
    const Strips strips(s);
#pragma omp parallel
    {
        Bfloat16Pipeline pipeline(unit);
        TapRows<bfloat16> pixels(s, taps.from, block.columns, images);
        BlockSums<To> sums[] = {BlockSums<To>(block), BlockSums<To>(block)};
        int current = 0;
        const auto a = std::make_unique<const bfloat16*[]>(static_cast<std::size_t>(parts));
#pragma omp for schedule(dynamic)
        for (std::int64_t strip = 0; strip < strips.count; ++strip) {
            const Strips::Rows rows = strips.rows(strip);
            pixels.load(rows);
            for (std::int64_t y = rows.begin; y < rows.end; y += block.lines)
                for (std::int64_t x = 0; x < s.width; x += block.columns) {
                    const auto under_taps = pixels.at(y, x);
                    std::size_t part = 0;
                    for (std::int64_t k = 0; k < taps.from; k += depth)
                        for (std::int64_t i = 0; i < s.kernel_height; ++i)
                            for (std::int64_t j = 0; j < s.kernel_width; ++j)
                                a[part++] = under_taps.first + i * under_taps.stride + j * taps.from + k;
                    Place place = place_of(block, s, taps.to, rows, y, x);
                    for (; place.channel < taps.to; place.channel += block.channels, current = 1 - current)
                        pipeline.multiply({.rows = block.pixels(),
                                           .channels = block.channels,
                                           .depth = depth,
                                           .parts = parts,
                                           .a = a.get(),
                                           .a_stride = taps.from,
                                           .b = weights.get() + place.channel * taps.count * taps.from,
                                           .sums = sums[current].values(),
                                           .sums_stride = block.channels,
                                           .a_line = block.lines > 1 ? under_taps.stride : 0},
                                          sums[current].written(epilogue, place));
                }
            pipeline.finish();
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
