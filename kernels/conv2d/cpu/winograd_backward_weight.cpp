#include <algorithm>

#include "kernels/conv2d/cpu/winograd_tiles.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

using namespace winograd;

/// Computes weight_gradient[o, tap, c] from sums[point, o, c].
void restore(const Conv2dShape& s, const float* sums, float* weight_gradient) {
    for (std::int64_t o = 0; o < s.out_channels; ++o)
        for (std::int64_t c = 0; c < s.in_channels; c += packet)
            transform_both_ways(
                restore_weight_gradient,
                [&](int i, int j) {
                    return load<Vector>(sums +
                                        ((i * points_across + j) * s.out_channels + o) * s.in_channels + c);
                },
                [&](int i, int j, const Vector& element) {
                    store(weight_gradient + (o * 9 + 3 * i + j) * s.in_channels + c, element);
                });
}

}  // namespace

template <class In, class Out>
void winograd_backward_weight(const Conv2dShape& s, const Conv2dBackwardWeight<In, Out>& pass) {
    const ImageTiles tiles(s);
    const std::int64_t in = s.in_channels, out = s.out_channels, weights = s.weight_elements();
    constexpr std::int64_t chunk = max_chunk;  // a constant, because the partition determines the bits
    const Parts parts(tiles.count, chunk, 4 * chunk);
    PartialGradients partial(parts.count, weights, out);
#pragma omp parallel
    {
        const auto outside_input = zeros<In>(in);
        const auto outside_gradient = zeros<Out>(out);
        const auto inputs = uninitialised(points * chunk * in),
                   gradients = uninitialised(points * chunk * out), sums = uninitialised(points * out * in);
#pragma omp for schedule(dynamic)
        for (std::int64_t part = 0; part < parts.count; ++part) {
            std::fill_n(sums.get(), points * out * in, 0.0f);
            double* const bias = partial.bias(part);
            for (std::int64_t begin = parts.begin(part); begin < parts.end(part); begin += chunk) {
                const std::int64_t present = std::min(chunk, parts.end(part) - begin);
                transform_chunk(tiles, begin, present, chunk, in, pass.input, outside_input.get(),
                                transform_input, 1, inputs.get());
                transform_chunk(tiles, begin, present, chunk, out, pass.output_gradient,
                                outside_gradient.get(), transform_output_gradient, 0, gradients.get());
                for (int point = 0; point < points; ++point)
                    accumulate_products(present, out, gradients.get() + point * chunk * out, in,
                                        inputs.get() + point * chunk * in, sums.get() + point * out * in);
                // At point (1, 1) the transformed gradient is the sum of the tile's gradients.
                const float* const tile_sums = gradients.get() + (points_across + 1) * chunk * out;
                for (std::int64_t i = 0; i < present * out; ++i) bias[i % out] += tile_sums[i];
            }
            restore(s, sums.get(), partial.weight(part));
        }
        partial.add_weights(pass.scale, pass.weight_gradient);
    }
    partial.add_biases(pass.scale, out, pass.bias_gradient);
}

DNSP_INSTANTIATE_STORED(winograd_backward_weight);

}  // namespace dnsp::kernels::cpu::detail
