#include <algorithm>
#include <vector>

#include "kernels/conv2d_winograd_squares.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

using namespace winograd;

constexpr int tile_rows = 4;  // output channels: their number is a multiple of it

/// The squares are summed in at most so many parts, of which a thread takes one at a time; the parts are then
/// added in order, so that the result does not depend on the number of threads.
constexpr std::int64_t most_parts = 16, fewest_chunks_of_part = 4;

/// sums[o, c] += Σ_square gradients[square, o] · inputs[square, c] of a chunk.
void accumulate(std::int64_t present, std::int64_t out, const float* gradients, std::int64_t in,
                const float* inputs, float* sums) {
    with_panels_of(in, [&]<int vectors>() {
        for (std::int64_t c = 0; c < in; c += vectors * lanes)
            for (std::int64_t o = 0; o < out; o += tile_rows) {
                Channels tile[tile_rows][vectors];
                for (int r = 0; r < tile_rows; ++r)
                    for (int v = 0; v < vectors; ++v) tile[r][v] = at(sums + (o + r) * in + c + v * lanes);
                multiply_tile(present, gradients + o, 1, out, inputs + c, in, tile);
                for (int r = 0; r < tile_rows; ++r)
                    for (int v = 0; v < vectors; ++v) at(sums + (o + r) * in + c + v * lanes) = tile[r][v];
            }
    });
}

/// weight_gradient[o, tap, c] of sums[point, o, c].
void restore(const Conv2dShape& s, const float* sums, float* weight_gradient) {
    for (std::int64_t o = 0; o < s.out_channels; ++o)
        for (std::int64_t c = 0; c < s.in_channels; c += lanes)
            transform_both_ways(
                restore_weight_gradient,
                [&](int i, int j) {
                    return at(sums + ((i * points_across + j) * s.out_channels + o) * s.in_channels + c);
                },
                [&](int i, int j, const Channels& element) {
                    at(weight_gradient + (o * 9 + 3 * i + j) * s.in_channels + c) = element;
                });
}

}  // namespace

void winograd_backward_weight(const Conv2dShape& s, const float* input, const float* output_gradient,
                              double scale, float* weight_gradient, float* bias_gradient) {
    const Squares squares(s);
    const std::int64_t in = s.in_channels, out = s.out_channels, weights = s.weight_elements();
    const std::int64_t chunks = (squares.count + chunk - 1) / chunk;
    const std::int64_t of_part =
        chunk * std::max(fewest_chunks_of_part, (chunks + most_parts - 1) / most_parts);
    const std::int64_t parts = (squares.count + of_part - 1) / of_part;
    const auto partial = uninitialised(parts * weights);
    std::vector<double> partial_bias(static_cast<std::size_t>(parts * out), 0.0);
#pragma omp parallel
    {
        const auto inputs = uninitialised(points * chunk * in),
                   gradients = uninitialised(points * chunk * out), sums = uninitialised(points * out * in);
#pragma omp for schedule(dynamic)
        for (std::int64_t part = 0; part < parts; ++part) {
            std::fill_n(sums.get(), points * out * in, 0.0f);
            double* const bias = partial_bias.data() + part * out;
            const std::int64_t end = std::min(squares.count, (part + 1) * of_part);
            for (std::int64_t begin = part * of_part; begin < end; begin += chunk) {
                const std::int64_t present = std::min<std::int64_t>(chunk, end - begin);
                transform_chunk(squares, begin, present, in, input, transform_input, 1, inputs.get());
                transform_chunk(squares, begin, present, out, output_gradient, transform_output_gradient, 0,
                                gradients.get());
                for (int point = 0; point < points; ++point)
                    accumulate(present, out, gradients.get() + point * chunk * out, in,
                               inputs.get() + point * chunk * in, sums.get() + point * out * in);
                // The gradient at the point (1, 1) is the sum of the square's gradients.
                const float* const of_square = gradients.get() + (points_across + 1) * chunk * out;
                for (std::int64_t i = 0; i < present * out; ++i) bias[i % out] += of_square[i];
            }
            restore(s, sums.get(), partial.get() + part * weights);
        }
#pragma omp for schedule(static)
        for (std::int64_t i = 0; i < weights; i += lanes) {
            Channels sum = Channels::Zero();
            for (std::int64_t part = 0; part < parts; ++part) sum += at(partial.get() + part * weights + i);
            at(weight_gradient + i) = static_cast<float>(scale) * sum;
        }
    }
    if (!bias_gradient) return;
    for (std::int64_t o = 0; o < out; ++o) {
        double sum = 0.0;
        for (std::int64_t part = 0; part < parts; ++part)
            sum += partial_bias[static_cast<std::size_t>(part * out + o)];
        bias_gradient[o] = static_cast<float>(scale * sum);
    }
}

}  // namespace dnsp::kernels::cpu::detail
