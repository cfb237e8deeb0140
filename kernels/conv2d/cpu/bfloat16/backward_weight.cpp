// The gradient of tap (i, j) is a product of matrices, summed over the pixels p of a strip of rows:
//   weight_gradient[o, i, j, c] = Σ_p gradient[p, o] · input[p + (i, j), c]
// The rows of a strip follow one another with zeros between them, so that a tap is an offset in the sequence
// of pixels. A unit reads rows of neighbouring numbers of its first matrix. So gradients are transposed: a
// row has the pixels of one channel. The second matrix has pairs of pixels, which begin at even pixels for
// taps with an even offset and at odd ones for the others: a unit's loads are then aligned to cache lines.
// AMX took six times as long for loads that are not.
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

Eight load_eight(const bfloat16* from) {
    Eight values;
    std::memcpy(&values, from, sizeof(values));
    return values;
}
void store_eight(bfloat16* to, Eight values) { std::memcpy(static_cast<void*>(to), &values, sizeof(values)); }

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
                block[static_cast<std::size_t>(r)] = load_eight(from + (p + r) * channels + c);
            block = transposed(block);
            for (std::int64_t r = 0; r < block_side; ++r)
                store_eight(to + (c + r) * pixels + p, block[static_cast<std::size_t>(r)]);
        }
}

/// to[panel][p / 2][channel of the panel][p % 2] = from[p, c]
void pack_pairs(std::int64_t pixels, std::int64_t channels, std::int64_t panel, const bfloat16* from,
                bfloat16* to) {
    for (std::int64_t first = 0; first < channels; first += panel)
        for (std::int64_t p = 0; p < pixels; p += 2) {
            const bfloat16* const even = from + p * channels + first;
            for (std::int64_t c = 0; c < panel; c += block_side, to += 2 * block_side) {
                const Eight evens = load_eight(even + c), odds = load_eight(even + channels + c);
                store_eight(to, __builtin_shufflevector(evens, odds, 0, 8, 1, 9, 2, 10, 3, 11));
                store_eight(to + block_side,
                            __builtin_shufflevector(evens, odds, 4, 12, 5, 13, 6, 14, 7, 15));
            }
        }
}

/// Strips of at most 16 rows, of nearly equal height, and their sequences of pixels.
struct Sequence {
    std::int64_t per_image, rows;    ///< strips of an image, rows of a strip
    std::int64_t row;                ///< pixels from one row to the next
    std::int64_t gradients, inputs;  ///< lengths: of a strip; of a strip and its halo, an even number

    Sequence(const Conv2dShape& s, std::int64_t depth)
        : per_image(divide_up(s.height, most_rows)),
          rows(divide_up(s.height, per_image)),
          row(s.width + s.kernel_width / 2),
          gradients(divide_up(rows * row, depth) * depth),
          inputs(divide_up<std::int64_t>(gradients + offset(s.kernel_height - 1, s.kernel_width - 1), 2) *
                 2) {}

    /// From a pixel of the gradient to the pixel of the input that belongs to it and a tap.
    std::int64_t offset(std::int64_t i, std::int64_t j) const { return i * row + j; }
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

/// The pixels of a strip, as the matrices of the products of its taps.
class Strip {
  public:
    Strip(const Conv2dShape& s, const Sequence& sequence, std::int64_t panel)
        : s_(s),
          sequence_(sequence),
          panel_(panel),
          gradient_(zeros<bfloat16>(sequence.gradients * s.out_channels)),
          input_(zeros<bfloat16>((sequence.inputs + 1) * s.in_channels)),
          transposed_(uninitialised<bfloat16>(sequence.gradients * s.out_channels)),
          pairs_{uninitialised<bfloat16>(sequence.inputs * s.in_channels),
                 uninitialised<bfloat16>(sequence.inputs * s.in_channels)} {}

    void load(const StoredImage& inputs, const StoredImage& gradients, std::int64_t image, std::int64_t y) {
        const std::int64_t above = s_.kernel_height / 2;
        copy_rows(s_, gradients, image, y, sequence_.rows, s_.out_channels, 0, sequence_.row,
                  gradient_.get());
        copy_rows(s_, inputs, image, y - above, sequence_.rows + 2 * above, s_.in_channels,
                  s_.kernel_width / 2, sequence_.row, input_.get());
        transpose(sequence_.gradients, s_.out_channels, gradient_.get(), transposed_.get());
        for (const int odd : {0, 1})
            pack_pairs(sequence_.inputs, s_.in_channels, panel_, input_.get() + odd * s_.in_channels,
                       pairs_[odd].get());
    }

    /// sums[o, tap, c] = Σ_p gradient[p, o] · input[p + offset of the tap, c], or sums += …
    /// Two blocks of channels are multiplied for all taps while their pixels are in L1.
    void multiply(const Bfloat16Session& session, std::int64_t unit_depth, float* sums, bool add) const {
        constexpr std::int64_t most_pixels = 288, most_channels = 32;
        const std::int64_t taps = s_.kernel_height * s_.kernel_width,
                           pixels = divide_up(sequence_.gradients / unit_depth,
                                              divide_up(sequence_.gradients, most_pixels)) *
                                    unit_depth;
        for (std::int64_t c = 0; c < s_.in_channels; c += panel_)
            for (std::int64_t o = 0; o < s_.out_channels; o += most_channels)
                for (std::int64_t first = 0; first < sequence_.gradients; first += pixels)
                    for (std::int64_t tap = 0; tap < taps; ++tap) {
                        const std::int64_t offset =
                            sequence_.offset(tap / s_.kernel_width, tap % s_.kernel_width);
                        const bfloat16* const of_tap = transposed_.get() + o * sequence_.gradients + first;
                        session.multiply({.rows = std::min(most_channels, s_.out_channels - o),
                                          .channels = panel_,
                                          .depth = std::min(pixels, sequence_.gradients - first),
                                          .parts = 1,
                                          .a = &of_tap,
                                          .a_stride = sequence_.gradients,
                                          .b = pairs_[offset % 2].get() + c * sequence_.inputs +
                                               (first + offset - offset % 2) * panel_,
                                          .sums = sums + (o * taps + tap) * s_.in_channels + c,
                                          .sums_stride = taps * s_.in_channels,
                                          .add = add || first > 0});
                    }
    }

  private:
    const Conv2dShape& s_;
    const Sequence& sequence_;
    std::int64_t panel_;
    ScratchOf<bfloat16> gradient_, input_, transposed_,
        pairs_[2];  ///< pairs from even and from odd pixels on
};

void correlate(const Conv2dShape& s, const StoredImage& inputs, const StoredImage& gradients, double scale,
               float* weight_gradient, float* bias_gradient) {
    const Bfloat16Unit& unit = *bfloat16_unit();
    const std::int64_t out = s.out_channels;
    const Sequence sequence(s, unit.depth);
    const Parts parts(s.batch * sequence.per_image, 1, 1);
    PartialGradients partial(parts.count, s.weight_elements(), out);
#pragma omp parallel
    {
        const Bfloat16Session session(unit);
        Strip pixels(s, sequence, panel_channels(s.in_channels, unit.max_channels));
        const auto row_of_floats = uninitialised(s.width * out);
#pragma omp for schedule(dynamic)
        for (std::int64_t part = 0; part < parts.count; ++part)
            for (std::int64_t strip = parts.begin(part); strip < parts.end(part); ++strip) {
                const std::int64_t image = strip / sequence.per_image,
                                   y = strip % sequence.per_image * sequence.rows,
                                   end = std::min(s.height, y + sequence.rows);
                pixels.load(inputs, gradients, image, y);
                pixels.multiply(session, unit.depth, partial.weight(part), strip > parts.begin(part));
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
