#include "kernels/conv2d/cpu/bfloat16/expand.hpp"

#include <algorithm>

#include "kernels/conv2d/cpu/bfloat16/block_sums.hpp"
#include "kernels/conv2d/cpu/bfloat16/packed_weight.hpp"
#include "kernels/conv2d/cpu/few_channels.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

constexpr std::int64_t copied_at_once = 16;

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

/// The values under the kernel, in windows: a window has the values of a pixel and its neighbours in as many
/// of the kernel's rows as a product's depth holds. The window of an image row serves several output rows,
/// whose windows begin `rows` rows apart: SRCNN's 9×9 kernel has three windows of 3 × 9 values.
struct Windows {
    std::int64_t values_of_row, rows, depth, count;

    Windows(const Conv2dShape& s, const Taps& taps, std::int64_t unit_depth)
        : values_of_row(s.kernel_width * taps.from),
          rows(std::clamp<std::int64_t>(unit_depth / values_of_row, 1, s.kernel_height)),
          depth(divide_up(rows * values_of_row, unit_depth) * unit_depth),
          count(divide_up(s.kernel_height, rows)) {}

    WeightRows weight_rows(const Conv2dShape& s, const Taps& taps) const {
        WeightRows result;
        for (std::int64_t window = 0; window < count; ++window)
            for (std::int64_t k = 0; k < depth; ++k) {
                const std::int64_t i = window * rows + k / values_of_row, value = k % values_of_row;
                const bool inside = k < rows * values_of_row && i < s.kernel_height;
                result.push_back(
                    inside ? taps.at(i * s.kernel_width + value / taps.from, value % taps.from, 0) : -1);
            }
        return result;
    }
};

/// The windows of a strip and its halo, as the first matrix of products. Two of them: of the image rounded to
/// bfloat16, and of the remainder.
class WindowsOfStrip {
  public:
    WindowsOfStrip(const Conv2dShape& s, const Taps& taps, const StoredImage& images, const Windows& windows,
                   std::int64_t columns)
        : windows_(windows),
          images_(images),
          remainder_(images, s.width * taps.from),
          from_(taps.from),
          columns_(columns),
          height_(strip_rows + (windows.count - 1) * windows.rows),
          framed_{{s, taps.from, columns - s.width + copied_at_once},
                  {s, taps.from, columns - s.width + copied_at_once}},
          values_{zeros<bfloat16>(elements()), zeros<bfloat16>(elements())} {}

    void load(const Strips::Rows& strip) {
        framed_[0].load(images_, strip);
        framed_[1].load(remainder_, strip);
        for (int part = 0; part < 2; ++part)
            for (std::int64_t row = 0; row < height_; ++row) fill(part, strip.begin, row);
    }
    /// Window `i` of the pixels from column x of row y of the strip on.
    const bfloat16* at(int part, std::int64_t y, std::int64_t i, std::int64_t x) const {
        return values_[part].get() + ((y + i * windows_.rows) * columns_ + x) * windows_.depth;
    }
    /// Elements from a window to the one below.
    std::int64_t line() const { return columns_ * windows_.depth; }

  private:
    /// With room for the last vector.
    std::int64_t elements() const { return height_ * columns_ * windows_.depth + copied_at_once; }

    void fill(int part, std::int64_t begin, std::int64_t row) {
        const FramedRows<bfloat16>& framed = framed_[part];
        const std::int64_t rows = std::min(windows_.rows, framed.rows() - row);
        bfloat16* const to = values_[part].get() + row * line();
        if (rows == 3 && windows_.values_of_row == 9 && windows_.depth == 32)  // SRCNN
            fill_by<3, 9, 32>(framed.row(begin, row), framed.row_stride(), to);
        else
            fill_by(framed.row(begin, row), framed.row_stride(), rows, to);
    }
    /// Copies whole vectors. What is too much has weights of 0, or is overwritten by the next values.
    void fill_by(const bfloat16* from, std::int64_t row_stride, std::int64_t rows, bfloat16* to) const {
        for (std::int64_t x = 0; x < columns_; ++x, from += from_, to += windows_.depth)
            for (std::int64_t r = 0; r < rows; ++r)
                for (std::int64_t k = 0; k < windows_.values_of_row; k += copied_at_once)
                    std::memcpy(static_cast<void*>(to + r * windows_.values_of_row + k),
                                from + r * row_stride + k, copied_at_once * sizeof(bfloat16));
    }
    template <int rows, int values, int depth>
    void fill_by(const bfloat16* from, std::int64_t row_stride, bfloat16* to) const {
        for (std::int64_t x = 0; x < columns_; ++x, from += from_, to += depth)
            for (int r = 0; r < rows; ++r) {
                constexpr int last = std::min<int>(copied_at_once, depth - (rows - 1) * values);
                if (r + 1 < rows)
                    std::memcpy(static_cast<void*>(to + r * values), from + r * row_stride,
                                copied_at_once * sizeof(bfloat16));
                else
                    std::memcpy(static_cast<void*>(to + r * values), from + r * row_stride,
                                last * sizeof(bfloat16));
            }
    }

    Windows windows_;
    const StoredImage& images_;
    Remainder remainder_;
    std::int64_t from_, columns_, height_;
    FramedRows<bfloat16> framed_[2];
    ScratchOf<bfloat16> values_[2];
};

/// AMX: four tiles of sums. The weights of both parts are the same, so that two by two tiles take six loads
/// for eight products, and four by one nine.
Block block_of(const Bfloat16Unit& unit, std::int64_t channels) {
    if (channels % 32 == 0) return {.lines = 2, .columns = unit.rows, .channels = 32};
    return {.lines = 4, .columns = unit.rows, .channels = 16};
}

/// The sums become pixels of the output image.
template <class To>
class ToImage {
  public:
    using Stored = To;
    explicit ToImage(const Epilogue<To>& epilogue) : epilogue_(epilogue) {}

    /// What is to be done with the sums of a panel of channels.
    SideWork written(BlockSums<To>& sums, const Place& place) { return sums.written(epilogue_, place); }
    /// All channels of a block have been multiplied.
    void end_block(Bfloat16Pipeline&, const Place&) {}
    void end_strip(Bfloat16Pipeline& pipeline) { pipeline.finish(); }

  private:
    Epilogue<To> epilogue_;
};

/// The sums become a block of pixels in the cache, from which a 1×1 convolution makes pixels of the output
/// image one block later, when they have been written.
class ToPointwise {
  public:
    using Stored = bfloat16;
    /// `pass`: of the first convolution. `weights`: of the second one, packed.
    ToPointwise(const Conv2dShape& pointwise, const Conv2dForward<float>& pass, const bfloat16* weights,
                const Conv2dForward<float>& last, const Block& block)
        : from_(pointwise.in_channels),
          to_(pointwise.out_channels),
          weights_(weights),
          block_(block),
          pixels_{uninitialised<bfloat16>(block.pixels() * from_),
                  uninitialised<bfloat16>(block.pixels() * from_)},
          first_{Epilogue(with_output(pass, pixels_[0].get())),
                 Epilogue(with_output(pass, pixels_[1].get()))},
          sums_{BlockSums<float>(block), BlockSums<float>(block)},
          last_(last) {}

    SideWork written(BlockSums<bfloat16>& sums, const Place& place) {
        return sums.written(first_[current_], {.first = 0,
                                               .row = block_.columns * from_,
                                               .channels = from_,
                                               .lines = block_.lines,
                                               .columns = block_.columns,
                                               .channel = place.channel});
    }
    void end_block(Bfloat16Pipeline& pipeline, const Place& place) {
        current_ = 1 - current_;
        if (waiting_.lines > 0) multiply(pipeline, pixels_[current_].get());
        waiting_ = {.first = place.first / from_ * to_,
                    .row = place.row / from_ * to_,
                    .channels = to_,
                    .lines = place.lines,
                    .columns = place.columns};
    }
    void end_strip(Bfloat16Pipeline& pipeline) {
        pipeline.finish();  // the pixels of the last block
        multiply(pipeline, pixels_[1 - current_].get());
        pipeline.finish();
        waiting_ = {};
    }

  private:
    void multiply(Bfloat16Pipeline& pipeline, const bfloat16* pixels) {
        Place place = waiting_;
        for (int n = 0; place.channel < to_; place.channel += block_.channels, n = 1 - n)
            pipeline.multiply({.rows = block_.pixels(),
                               .channels = block_.channels,
                               .depth = from_,
                               .parts = 1,
                               .a = &pixels,
                               .a_stride = from_,
                               .b = weights_ + place.channel * from_,
                               .sums = sums_[n].values(),
                               .sums_stride = block_.channels},
                              sums_[n].written(last_, place));
    }

    std::int64_t from_, to_;
    const bfloat16* weights_;
    Block block_;
    ScratchOf<bfloat16> pixels_[2];  ///< of this block and of the one before
    Epilogue<bfloat16> first_[2];
    BlockSums<float> sums_[2];
    Epilogue<float> last_;
    Place waiting_{};  ///< the block before; no lines: none
    int current_ = 0;
};

/// `make` makes the destination of a thread, a ToImage or a ToPointwise.
template <class Make>
void expand(const Conv2dShape& s, const Taps& taps, const StoredImage& images, const float* weight,
            const Make& make) {
    const Bfloat16Unit& unit = *bfloat16_unit();
    const Block block = block_of(unit, taps.to);
    const Windows windows(s, taps, unit.depth);
    const std::int64_t columns = divide_up(s.width, block.columns) * block.columns,
                       depth = windows.count * windows.depth;
    const auto weights = packed_weight(taps, weight, windows.weight_rows(s, taps), block.channels);
    const Strips strips(s);
#pragma omp parallel
    {
        auto destination = make();
        using Stored = typename decltype(destination)::Stored;
        Bfloat16Pipeline pipeline(unit);
        BlockSums<Stored> sums[] = {BlockSums<Stored>(block), BlockSums<Stored>(block)};
        int current = 0;
        WindowsOfStrip values(s, taps, images, windows, columns);
        const auto a = std::make_unique<const bfloat16*[]>(static_cast<std::size_t>(2 * windows.count));
#pragma omp for schedule(dynamic)
        for (std::int64_t strip = 0; strip < strips.count; ++strip) {
            const Strips::Rows rows = strips.rows(strip);
            values.load(rows);
            for (std::int64_t y = rows.begin; y < rows.end; y += block.lines)
                for (std::int64_t x = 0; x < s.width; x += block.columns) {
                    std::size_t part = 0;
                    for (std::int64_t i = 0; i < windows.count; ++i)
                        for (const int of_value : {0, 1})
                            a[part++] = values.at(of_value, y - rows.begin, i, x);
                    Place place = place_of(block, s, taps.to, rows, y, x);
                    for (; place.channel < taps.to; place.channel += block.channels, current = 1 - current)
                        pipeline.multiply({.rows = block.pixels(),
                                           .channels = block.channels,
                                           .depth = windows.depth,
                                           .parts = 2 * windows.count,
                                           .a = a.get(),
                                           .a_stride = windows.depth,
                                           .b = weights.get() + place.channel * depth,
                                           .sums = sums[current].values(),
                                           .sums_stride = block.channels,
                                           .a_line = values.line(),
                                           .parts_of_b = 2},
                                          destination.written(sums[current], place));
                    destination.end_block(pipeline, place);
                }
            destination.end_strip(pipeline);
        }
    }
}

}  // namespace

bool bfloat16_expand_supports(const Taps& taps) {
    return bfloat16_unit()->direct && taps.from <= max_few_channels && taps.to % channel_unit == 0;
}

template <class In, class Out>
void bfloat16_expand_forward(const Conv2dShape& s, const Conv2dForward<In, Out>& pass) {
    expand(s, Taps(s, false), pass.input, pass.weight, [&] { return ToImage<Out>(Epilogue(pass)); });
}

template <class In, class Out>
void bfloat16_expand_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<In, Out>& pass) {
    expand(s, Taps(s, true), pass.output_gradient, pass.weight, [&] { return ToImage<In>(Epilogue(pass)); });
}

void bfloat16_expand_pointwise_forward(const Conv2dShape& s, const Conv2dForward<float>& pass,
                                       const Conv2dShape& pointwise, const Conv2dForward<float>& last) {
    const Taps taps(pointwise, false);
    const Block block = block_of(*bfloat16_unit(), s.out_channels);
    const auto weights = packed_weight(taps, last.weight, rows_of_taps(taps, taps.from), block.channels);
    expand(s, Taps(s, false), pass.input, pass.weight,
           [&] { return ToPointwise(pointwise, pass, weights.get(), last, block); });
}

DNSP_INSTANTIATE_STORED(bfloat16_expand_forward);
DNSP_INSTANTIATE_STORED(bfloat16_expand_backward_input);

}  // namespace dnsp::kernels::cpu::detail
