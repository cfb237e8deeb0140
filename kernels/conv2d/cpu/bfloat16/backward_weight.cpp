// The gradient of tap (i, j) is a product of matrices, summed over the pixels p of a strip of rows:
//   weight_gradient[o, i, j, c] = Σ_p gradient[p − (i, j), o] · input[p, c]
// The rows of a strip follow one another with zeros between them, so that a tap is an offset in the sequence
// of pixels. A unit reads rows of neighbouring numbers of its first matrix. So gradients are transposed: a
// row has the pixels of one channel.
#include "kernels/conv2d/cpu/bfloat16/backward_weight.hpp"

#include <algorithm>
#include <array>

#include "kernels/conv2d/cpu/bfloat16/unit.hpp"
#include "kernels/conv2d/cpu/strips.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

constexpr std::int64_t most_rows = 16;  ///< of a strip: enough pixels that sums are seldom loaded and stored
constexpr int block_side = 8;

using Eight [[gnu::vector_size(16)]] = std::uint16_t;
using Block = std::array<Eight, block_side>;

Block transposed(Block block) {
    // Three times: row r of the upper half and of the lower half become the rows 2r and 2r + 1, in which
    // their elements alternate.
    for (int round = 0; round < 3; ++round) {
        Block next;
        for (std::size_t r = 0; r < block_side / 2; ++r) {
            const Eight above = block[r], below = block[r + block_side / 2];
            next[2 * r] = __builtin_shufflevector(above, below, 0, 8, 1, 9, 2, 10, 3, 11);
            next[2 * r + 1] = __builtin_shufflevector(above, below, 4, 12, 5, 13, 6, 14, 7, 15);
        }
        block = next;
    }
    return block;
}

/// to[c, p] = from[p, c]. Preconditions: `pixels` and `channels` are multiples of 8.
void transpose(std::int64_t pixels, std::int64_t channels, const bfloat16* from, bfloat16* to) {
    for (std::int64_t p = 0; p < pixels; p += block_side)
        for (std::int64_t c = 0; c < channels; c += block_side) {
            Block block;
            for (std::int64_t r = 0; r < block_side; ++r)
                std::memcpy(&block[static_cast<std::size_t>(r)], from + (p + r) * channels + c,
                            sizeof(Eight));
            block = transposed(block);
            for (std::int64_t r = 0; r < block_side; ++r)
                std::memcpy(static_cast<void*>(to + (c + r) * pixels + p),
                            &block[static_cast<std::size_t>(r)], sizeof(Eight));
        }
}

/// to[panel][p / 2][channel of the panel][p % 2] = from[p, c]
void pack_pairs(std::int64_t pixels, std::int64_t channels, std::int64_t panel, const bfloat16* from,
                bfloat16* to) {
    for (std::int64_t first = 0; first < channels; first += panel)
        for (std::int64_t p = 0; p < pixels; p += 2) {
            const bfloat16 *const even = from + p * channels + first, *const odd = even + channels;
            for (std::int64_t c = 0; c < panel; ++c) {
                to[2 * c] = even[c];
                to[2 * c + 1] = odd[c];
            }
            to += 2 * panel;
        }
}

/// Strips of at most 16 rows, of nearly equal height, and their sequences of pixels.
struct Sequence {
    std::int64_t per_image, rows;    ///< strips of an image, rows of a strip
    std::int64_t row;                ///< pixels from one row to the next
    std::int64_t inputs, gradients;  ///< lengths: of a strip; of a strip and its halo

    Sequence(const Conv2dShape& s, std::int64_t depth)
        : per_image(divide_up(s.height, most_rows)),
          rows(divide_up(s.height, per_image)),
          row(s.width + s.kernel_width / 2),
          inputs(divide_up(rows * row, depth) * depth),
          gradients(divide_up<std::int64_t>(inputs + offset(s, 0, 0), block_side) * block_side) {}

    /// Where the gradients that belong to the first input pixel and a tap are.
    std::int64_t offset(const Conv2dShape& s, std::int64_t i, std::int64_t j) const {
        return (s.kernel_height - 1 - i) * row + s.kernel_width - 1 - j;
    }
};

/// Copies the rows y, y + 1, … of an image, one for each row of the sequence, which begins with `before`
/// pixels of zeros. Rows that lie outside the image are zero.
void copy_rows(const Conv2dShape& s, const StoredImage& images, std::int64_t image, std::int64_t y,
               std::int64_t rows, std::int64_t channels, std::int64_t before, std::int64_t row,
               bfloat16* to) {
    for (std::int64_t r = 0; r < rows; ++r) {
        bfloat16* const pixels = to + (before + r * row) * channels;
        if (y + r >= 0 && y + r < s.height)
            images.copy((image * s.height + y + r) * s.width * channels, s.width * channels, pixels);
        else
            std::fill_n(pixels, s.width * channels, bfloat16(0.0f));
    }
}

void correlate(const Conv2dShape& s, const StoredImage& inputs, const StoredImage& gradients, double scale,
               float* weight_gradient, float* bias_gradient) {
    const Bfloat16Unit& unit = *bfloat16_unit();
    const std::int64_t in = s.in_channels, out = s.out_channels, taps = s.kernel_height * s.kernel_width,
                       panel = panel_channels(in, unit.max_channels), above = s.kernel_height / 2;
    const Sequence sequence(s, unit.depth);
    const Parts parts(s.batch * sequence.per_image, 1, 1);
    PartialGradients partial(parts.count, s.weight_elements(), out);
#pragma omp parallel
    {
        const auto input = zeros<bfloat16>(sequence.inputs * in),
                   gradient = zeros<bfloat16>(sequence.gradients * out),
                   packed = zeros<bfloat16>(sequence.inputs * in),
                   transposed = zeros<bfloat16>(sequence.gradients * out);
        const auto row_of_floats = uninitialised(s.width * out);
#pragma omp for schedule(dynamic)
        for (std::int64_t part = 0; part < parts.count; ++part)
            for (std::int64_t strip = parts.begin(part); strip < parts.end(part); ++strip) {
                const std::int64_t image = strip / sequence.per_image,
                                   y = strip % sequence.per_image * sequence.rows,
                                   end = std::min(s.height, y + sequence.rows);
                copy_rows(s, inputs, image, y, sequence.rows, in, 0, sequence.row, input.get());
                copy_rows(s, gradients, image, y - above, sequence.rows + 2 * above, out, s.kernel_width / 2,
                          sequence.row, gradient.get());
                pack_pairs(sequence.inputs, in, panel, input.get(), packed.get());
                transpose(sequence.gradients, out, gradient.get(), transposed.get());
                for (std::int64_t c = 0; c < in; c += panel)
                    for (std::int64_t tap = 0; tap < taps; ++tap) {
                        const bfloat16* const of_tap =
                            transposed.get() + sequence.offset(s, tap / s.kernel_width, tap % s.kernel_width);
                        Bfloat16Session(unit).multiply({.rows = out,
                                                        .channels = panel,
                                                        .depth = sequence.inputs,
                                                        .parts = 1,
                                                        .a = &of_tap,
                                                        .a_stride = sequence.gradients,
                                                        .b = packed.get() + c * sequence.inputs,
                                                        .sums = partial.weight(part) + tap * in + c,
                                                        .sums_stride = taps * in,
                                                        .add = strip > parts.begin(part)});
                    }
                for (std::int64_t of_strip = y; bias_gradient && of_strip < end; ++of_strip) {
                    gradients.copy((image * s.height + of_strip) * s.width * out, s.width * out,
                                   row_of_floats.get());
                    add_over_pixels(s.width, out, row_of_floats.get(), partial.bias(part));
                }
            }
        partial.add_weights(scale, weight_gradient);
    }
    partial.add_biases(scale, out, bias_gradient);
}

}  // namespace

template <class In, class Out>
void bfloat16_backward_weight(const Conv2dShape& s, const Conv2dBackwardWeight<In, Out>& pass) {
    correlate(s, pass.input, pass.output_gradient, pass.scale, pass.weight_gradient, pass.bias_gradient);
}

DNSP_INSTANTIATE_STORED(bfloat16_backward_weight);

}  // namespace dnsp::kernels::cpu::detail
