#include "kernels/conv2d/cpu/bfloat16/expand.hpp"

#include <algorithm>

#include "kernels/conv2d/cpu/bfloat16/pointwise_weights.hpp"
#include "kernels/conv2d/cpu/few_channels.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

constexpr std::int64_t copied_at_once = 16;

/// Copies `count` vectors that lie `from_step` and `to_step` numbers apart.
void copy_vectors(std::int64_t count, const bfloat16* from, std::int64_t from_step, bfloat16* to,
                  std::int64_t to_step) {
    for (std::int64_t n = 0; n < count; ++n, from += from_step, to += to_step)
        std::memcpy(static_cast<void*>(to), from, copied_at_once * sizeof(bfloat16));
}

/// What rounding an image to bfloat16 leaves, rounded to bfloat16.
class Remainder {
  public:
    Remainder(const StoredImage& images, std::int64_t row) : images_(images), row_(uninitialised(row)) {}
    void copy(std::int64_t first, std::int64_t count, bfloat16* to) const {
        images_.copy(first, count, row_.get());
        for (std::int64_t k = 0; k < count; ++k) {
            const float value = row_[static_cast<std::size_t>(k)];
            to[k] = bfloat16(value - static_cast<float>(bfloat16(value)));
        }
    }

  private:
    const StoredImage& images_;
    Scratch row_;
};

/// The first matrix: a row for each pixel of an image row, filled up with zeros to a multiple of the unit's
/// rows; in a row the values under the kernel, filled up to a multiple of the unit's depth. Two parts: the
/// image rounded to bfloat16, and the remainder.
class ValuesUnderKernel {
  public:
    ValuesUnderKernel(const Conv2dShape& s, const Taps& taps, const StoredImage& images, std::int64_t rows,
                      std::int64_t depth)
        : images_(images),
          remainder_(images, s.width * taps.from),
          width_(s.width),
          height_(s.kernel_height),
          from_(taps.from),
          row_of_taps_(s.kernel_width * taps.from),
          stride_(std::max(depth, (s.kernel_height - 1) * row_of_taps_ +
                                      divide_up(row_of_taps_, copied_at_once) * copied_at_once)),
          framed_{{s, taps.from, copied_at_once}, {s, taps.from, copied_at_once}},
          outside_(zeros<bfloat16>((s.width + s.kernel_width + copied_at_once) * from_)),
          values_{zeros<bfloat16>(rows * stride_), zeros<bfloat16>(rows * stride_)},
          parts_{values_[0].get(), values_[1].get()} {}

    void load(const Strips::Rows& strip) {
        framed_[0].load(images_, strip);
        framed_[1].load(remainder_, strip);
    }
    /// The parts for image row y of the strip. Valid until the next call.
    const bfloat16* const* of_row(std::int64_t y) {
        for (int part = 0; part < 2; ++part)
            for (std::int64_t i = 0; i < height_; ++i) {
                const auto& framed = framed_[part];
                const bool inside = i >= framed.first_taps(y) && i < framed.end_taps(y);
                const bfloat16* const taps = inside ? framed.row(y, i) : outside_.get();
                // Whole vectors: what is too much has weights of 0, or is overwritten by the next row of
                // taps.
                for (std::int64_t k = 0; k < row_of_taps_; k += copied_at_once)
                    copy_vectors(width_, taps + k, from_, values_[part].get() + i * row_of_taps_ + k,
                                 stride_);
            }
        return parts_;
    }
    /// From one row to the next.
    std::int64_t stride() const { return stride_; }

  private:
    const StoredImage& images_;
    Remainder remainder_;
    std::int64_t width_, height_, from_, row_of_taps_, stride_;
    FramedRows<bfloat16> framed_[2];
    ScratchOf<bfloat16> outside_, values_[2];
    const bfloat16* parts_[2];
};

/// `make` makes the destination of a thread, an Image or a Pointwise: it has the epilogue, the number of the
/// first pixel that a row is written to, pixel(first pixel of the row), and finish(first pixel of the row),
/// which is called when all channels of a row are written.
template <class Make>
void expand(const Conv2dShape& s, const Taps& taps, const StoredImage& images, const float* weight,
            const Make& make) {
    const Bfloat16Unit& unit = *bfloat16_unit();
    const std::int64_t panel = panel_channels(taps.to, unit.max_channels),
                       columns = divide_up(s.width, unit.rows) * unit.rows, rows = taps.count * taps.from,
                       depth = divide_up(rows, unit.depth) * unit.depth;
    const auto weights = packed_weight(2 * depth, taps.to, panel, [&](std::int64_t row, std::int64_t t) {
        const std::int64_t k = row % depth;  // both parts have the same weights
        return k < rows ? weight[taps.at(k / taps.from, k % taps.from, t)] : 0.0f;
    });
    const Strips strips(s);
#pragma omp parallel
    {
        const auto destination = make();
        const auto epilogue = destination.epilogue;
        ValuesUnderKernel values(s, taps, images, columns, depth);
        const auto sums = uninitialised(columns * panel);
#pragma omp for schedule(dynamic)
        for (std::int64_t strip = 0; strip < strips.count; ++strip) {
            const Strips::Rows strip_rows = strips.rows(strip);
            values.load(strip_rows);
            for (std::int64_t y = strip_rows.begin; y < strip_rows.end; ++y) {
                const bfloat16* const* const parts = values.of_row(y);
                const std::int64_t first = (strip_rows.image * s.height + y) * s.width;
                for (std::int64_t t = 0; t < taps.to; t += panel) {
                    Bfloat16Session(unit).multiply({.rows = columns,
                                                    .channels = panel,
                                                    .depth = depth,
                                                    .parts = 2,
                                                    .a = parts,
                                                    .a_stride = values.stride(),
                                                    .b = weights.get() + t * 2 * depth,
                                                    .sums = sums.get(),
                                                    .sums_stride = panel});
                    for (std::int64_t x = 0; x < s.width; ++x)
                        for (std::int64_t c = 0; c < panel; c += packet)
                            epilogue.write((destination.pixel(first) + x) * taps.to + t + c, t + c,
                                           load<Vector>(sums.get() + x * panel + c));
                }
                destination.finish(first);
            }
        }
    }
}

template <class To>
struct Image {
    Epilogue<To> epilogue;
    std::int64_t pixel(std::int64_t first) const { return first; }
    void finish(std::int64_t) const {}
};

/// A row of pixels in the cache, and the 1×1 convolution of it.
struct Pointwise {
    const Bfloat16PointwiseWeights& weights;
    const Epilogue<float>& last;
    std::int64_t width;
    ScratchOf<bfloat16> row;
    Epilogue<bfloat16> epilogue;

    std::int64_t pixel(std::int64_t) const { return 0; }
    void finish(std::int64_t first) const { weights.multiply(first, width, row.get(), last); }
};

}  // namespace

bool bfloat16_expand_supports(const Taps& taps) {
    return bfloat16_unit()->direct && taps.from <= max_few_channels && taps.to % channel_unit == 0;
}

template <class In, class Out>
void bfloat16_expand_forward(const Conv2dShape& s, const Conv2dForward<In, Out>& pass) {
    expand(s, Taps(s, false), pass.input, pass.weight, [&] { return Image<Out>{Epilogue(pass)}; });
}

template <class In, class Out>
void bfloat16_expand_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<In, Out>& pass) {
    expand(s, Taps(s, true), pass.output_gradient, pass.weight, [&] { return Image<In>{Epilogue(pass)}; });
}

void bfloat16_expand_pointwise_forward(const Conv2dShape& s, const Conv2dForward<float>& pass,
                                       const Conv2dShape& pointwise, const Conv2dForward<float>& last) {
    const Bfloat16PointwiseWeights weights(pointwise, last.weight);
    const Epilogue epilogue(last);
    expand(s, Taps(s, false), pass.input, pass.weight, [&] {
        auto row = zeros<bfloat16>(weights.pixels_read(s.width) * s.out_channels);
        const Epilogue to_row(with_output(pass, row.get()));
        return Pointwise{weights, epilogue, s.width, std::move(row), to_row};
    });
}

DNSP_INSTANTIATE_STORED(bfloat16_expand_forward);
DNSP_INSTANTIATE_STORED(bfloat16_expand_backward_input);

}  // namespace dnsp::kernels::cpu::detail
