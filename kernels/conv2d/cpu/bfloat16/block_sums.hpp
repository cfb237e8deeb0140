#pragma once

// Products for blocks of pixels. The sums of a block are written to the image while the unit multiplies the
// next one, so that the processor's vector unit and its matrix unit are busy at once.
#include <algorithm>
#include <array>
#include <utility>

#include "kernels/conv2d/cpu/bfloat16/unit.hpp"
#include "kernels/conv2d/cpu/strips.hpp"

namespace dnsp::kernels::cpu::detail {

/// Pixels and channels of a product.
struct Block {
    std::int64_t lines;     ///< neighbouring image rows
    std::int64_t columns;   ///< a multiple of the unit's rows; the unit's rows if `direct`
    std::int64_t channels;  ///< a panel

    std::int64_t pixels() const { return lines * columns; }
};

/// Where a panel of a block's channels belongs in an image.
struct Place {
    std::int64_t first;           ///< element: channel 0 of the first pixel
    std::int64_t row;             ///< elements from an image row to the next
    std::int64_t channels;        ///< of the image
    std::int64_t lines, columns;  ///< that lie inside the image; not more of them are written
    std::int64_t channel = 0;     ///< the first one of the panel
};

/// Of the block whose first pixel is column x of row y, in an image of s with `channels` channels.
inline Place place_of(const Block& block, const Conv2dShape& s, std::int64_t channels,
                      const Strips::Rows& strip, std::int64_t y, std::int64_t x) {
    return {.first = ((strip.image * s.height + y) * s.width + x) * channels,
            .row = s.width * channels,
            .channels = channels,
            .lines = std::min(block.lines, strip.end - y),
            .columns = s.width - x};
}

/// The sums of a block. They are written to the image while the unit multiplies the next block.
template <class To>
class BlockSums {
  public:
    explicit BlockSums(const Block& block)
        : block_(block), values_(uninitialised((block.pixels() + at_once) * block.channels)) {}
    float* values() const { return values_.get(); }

    /// The work of writing them.
    SideWork written(const Epilogue<To>& epilogue, const Place& place) {
        static constexpr auto steps =
            steps_of_actions(std::make_integer_sequence<int, Epilogue<To>::all_actions>());
        epilogue_ = &epilogue;
        place_ = place;
        x_ = line_ = 0;
        return {place.lines * divide_up(block_.columns, at_once),
                steps[static_cast<std::size_t>(epilogue.actions())], this};
    }

  private:
    /// Pixels of a step.
    static constexpr std::int64_t at_once = 8;

    /// A step for each combination of actions, so that it contains no conditions.
    template <int... actions>
    static constexpr auto steps_of_actions(std::integer_sequence<int, actions...>) {
        return std::array{&BlockSums::step<actions>...};
    }
    template <int actions>
    static void step(void* sums) {
        static_cast<BlockSums*>(sums)->template write<actions>();
    }
    template <int actions>
    [[gnu::always_inline]] void write() {
        if (const std::int64_t present = std::min(at_once, place_.columns - x_); present == at_once)
            write<actions>(at_once);
        else if (present > 0)
            write<actions>(present);
        x_ += at_once;
        if (x_ < block_.columns) return;
        x_ = 0;
        ++line_;
    }
    template <int actions>
    [[gnu::always_inline]] void write(std::int64_t count) const {
        for (std::int64_t c = 0; c < block_.channels; c += packet) {
            Vector sums[at_once];
            const float* const from = values_.get() + (line_ * block_.columns + x_) * block_.channels + c;
            for (std::int64_t p = 0; p < at_once; ++p) sums[p] = load<Vector>(from + p * block_.channels);
            const std::int64_t channel = place_.channel + c;
            epilogue_->template write<actions>(
                place_.first + line_ * place_.row + x_ * place_.channels + channel, place_.channels, channel,
                sums, count);
        }
    }

    Block block_;
    Scratch values_;
    const Epilogue<To>* epilogue_ = nullptr;
    Place place_{};
    std::int64_t x_ = 0, line_ = 0;
};

/// The products of a thread in order. What is to be done with the sums of one is done during the next.
class Bfloat16Pipeline {
  public:
    explicit Bfloat16Pipeline(const Bfloat16Unit& unit) : session_(unit) {}

    void multiply(Bfloat16Product product, const SideWork& then) {
        product.side = pending_;
        session_.multiply(product);
        pending_ = then;
    }
    /// Must be called after the last product.
    void finish() {
        pending_.finish();
        pending_ = {};
    }

  private:
    Bfloat16Session session_;
    SideWork pending_;
};

}  // namespace dnsp::kernels::cpu::detail
