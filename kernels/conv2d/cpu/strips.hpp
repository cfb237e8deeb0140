#pragma once

// Shared by CPU convolutions over image rows: strips of rows, rows with zero padding, and weight indexing.
#include "kernels/conv2d/cpu/microkernel.hpp"

namespace dnsp::kernels::cpu::detail {

/// Rows of an image per work item of a thread. They and their halo stay in L2.
constexpr std::int64_t strip_rows = 8;

/// The strips of all images in order.
struct Strips {
    std::int64_t height, per_image, count;

    explicit Strips(const Conv2dShape& s)
        : height(s.height), per_image(divide_up(s.height, strip_rows)), count(s.batch * per_image) {}

    struct Rows {
        std::int64_t image, begin, end;
    };
    Rows rows(std::int64_t strip) const {
        const std::int64_t begin = strip % per_image * strip_rows;
        return {strip / per_image, begin, std::min(height, begin + strip_rows)};
    }
};

/// The rows of a strip and its halo as T, with zeros around the image.
template <class T = float>
class FramedRows {
  public:
    /// `surplus`: additional columns of zeros on the right.
    FramedRows(const Conv2dShape& s, std::int64_t channels, std::int64_t surplus)
        : height_(s.height),
          channels_(channels),
          above_(s.kernel_height / 2),
          row_elements_(s.width * channels),
          before_(s.kernel_width / 2 * channels),
          row_stride_(row_elements_ + 2 * before_ + surplus * channels),
          values_(uninitialised<T>((strip_rows + 2 * above_) * row_stride_)) {
        std::fill_n(values_.get(), (strip_rows + 2 * above_) * row_stride_, T(0.0f));
    }

    /// `images.copy(first, count, to)` copies elements. Of each row, the pixels from `begin` to `end`, or
    /// all.
    template <class Images>
    void load(const Images& images, const Strips::Rows& strip) {
        load(images, strip, 0, row_elements_ / channels_);
    }
    template <class Images>
    void load(const Images& images, const Strips::Rows& strip, std::int64_t begin, std::int64_t end) {
        first_ = strip.begin - above_;
        const std::int64_t from = begin * channels_, count = (end - begin) * channels_;
        for (std::int64_t y = first_; y < strip.end + above_; ++y) {
            T* const to = values_.get() + (y - first_) * row_stride_ + before_ + from;
            if (y >= 0 && y < height_)
                images.copy((strip.image * height_ + y) * row_elements_ + from, count, to);
            else
                std::fill_n(to, count, T(0.0f));
        }
    }
    /// Row y + i − ⌊kernel height / 2⌋, from its left padding on.
    const T* row(std::int64_t y, std::int64_t i) const {
        return values_.get() + (y + i - above_ - first_) * row_stride_;
    }
    /// Rows of a strip and its halo.
    std::int64_t rows() const { return strip_rows + 2 * above_; }
    /// Elements from a row to the next.
    std::int64_t row_stride() const { return row_stride_; }
    /// The pixels of row y.
    const T* pixels(std::int64_t y) const { return row(y, above_) + before_; }
    /// The tap rows first_taps(y) … end_taps(y) − 1 lie inside the image.
    std::int64_t first_taps(std::int64_t y) const { return std::max<std::int64_t>(0, above_ - y); }
    std::int64_t end_taps(std::int64_t y) const { return std::min(2 * above_ + 1, height_ - y + above_); }

  private:
    std::int64_t height_, channels_, above_, row_elements_, before_, row_stride_, first_ = 0;
    ScratchOf<T> values_;
};

/// The pixels under the taps of blocks of `columns` neighbouring pixels: in the image where all of them lie
/// inside it and it is stored as T, else in a copy of the strip with zeros around the image.
template <class T>
class TapRows {
  public:
    struct Rows {
        const T* first;       ///< the pixel under the first tap
        std::int64_t stride;  ///< elements from a row of taps to the next
    };

    TapRows(const Conv2dShape& s, std::int64_t channels, std::int64_t columns, const StoredImage& images)
        : images_(images),
          channels_(channels),
          width_(s.width),
          height_(s.height),
          above_(s.kernel_height / 2),
          before_(s.kernel_width / 2),
          first_(divide_up(before_, columns) * columns),
          end_((s.width - before_) / columns * columns),
          framed_(s, channels, divide_up(s.width, columns) * columns - s.width) {}

    void load(const Strips::Rows& strip) {
        image_ = strip.image;
        // Half of the blocks or more, so that a copy of the others is worth while.
        inside_ = images_.stored_as<T>(0) && strip.begin >= above_ &&
                  strip.begin + strip_rows + above_ <= height_ && 2 * (end_ - first_) >= width_;
        if (inside_) {
            framed_.load(images_, strip, 0, first_ + before_);
            framed_.load(images_, strip, end_ - before_, width_);
        } else {
            framed_.load(images_, strip);
        }
    }
    /// Of the block that begins at column x of row y of the strip, and of the rows below it in the strip.
    Rows at(std::int64_t y, std::int64_t x) const {
        if (!inside_ || x < first_ || x >= end_)
            return {framed_.row(y, 0) + x * channels_, framed_.row_stride()};
        const std::int64_t pixel = (image_ * height_ + y - above_) * width_ + x - before_;
        return {images_.stored_as<T>(pixel * channels_), width_ * channels_};
    }

  private:
    const StoredImage& images_;
    std::int64_t channels_, width_, height_, above_, before_;
    std::int64_t first_, end_;  ///< columns of blocks that lie inside the image
    std::int64_t image_ = 0;
    bool inside_ = false;
    FramedRows<T> framed_;
};

/// A convolution from `from` channels to `to` channels: the forward pass, or the backward pass to the input,
/// which convolves the output gradient with flipped taps and exchanged channels.
struct Taps {
    std::int64_t count, from, to;
    bool flipped;

    Taps(const Conv2dShape& s, bool flipped_)
        : count(s.kernel_height * s.kernel_width),
          from(flipped_ ? s.out_channels : s.in_channels),
          to(flipped_ ? s.in_channels : s.out_channels),
          flipped(flipped_) {}
    /// Index in the weight array (OHWI) of tap `tap` (row by row), channel f of `from` and channel t of `to`.
    std::int64_t at(std::int64_t tap, std::int64_t f, std::int64_t t) const {
        return flipped ? (f * count + count - 1 - tap) * to + t : (t * count + tap) * from + f;
    }
};

}  // namespace dnsp::kernels::cpu::detail
