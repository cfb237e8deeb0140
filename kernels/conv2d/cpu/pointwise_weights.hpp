#pragma once

#include <algorithm>

#include "kernels/conv2d/cpu/microkernel.hpp"

namespace dnsp::kernels::cpu::detail {

/// The packed weights of a 1×1 convolution between channel counts that are multiples of 16, or of its
/// backward pass to the input.
class PointwiseWeights {
  public:
    using Input = float;

    PointwiseWeights(const Conv2dShape& s, bool backward, const float* weight)
        : from_(backward ? s.out_channels : s.in_channels), to_(backward ? s.in_channels : s.out_channels) {
        const std::int64_t from_stride = backward ? s.in_channels : 1,
                           to_stride = backward ? 1 : s.in_channels;
        packed_ = packed_in_panels(
            from_, to_, panel_vectors(to_) * packet,
            [=](std::int64_t f, std::int64_t t) { return weight[f * from_stride + t * to_stride]; });
    }
    std::int64_t from() const { return from_; }
    /// Pixels that multiply() reads for `count` pixels.
    std::int64_t pixels_read(std::int64_t count) const { return count; }

    /// output[first + p, t] = epilogue(Σ_f inputs[p, f] · weights[f, t]), p < count, summed in the order of
    /// f.
    template <class To>
    void multiply(std::int64_t first, std::int64_t count, const float* inputs,
                  const Epilogue<To>& epilogue) const {
        with_panels_of(to_, [&]<int vectors>() {
            std::int64_t p = 0;
            for (; p + tile_rows <= count; p += tile_rows)
                multiply_pixels<tile_rows, vectors>(first + p, inputs + p * from_, epilogue);
            for (; p < count; ++p) multiply_pixels<1, vectors>(first + p, inputs + p * from_, epilogue);
        });
    }

  private:
    template <int rows, int vectors, class To>
    void multiply_pixels(std::int64_t first, const float* inputs, const Epilogue<To>& epilogue) const {
        constexpr std::int64_t panel = vectors * packet;
        for (std::int64_t t = 0; t < to_; t += panel) {
            Tile<rows, vectors> tile{};
            for (int r = 0; r < rows; ++r)
                for (int v = 0; v < vectors; ++v) epilogue.prefetch((first + r) * to_ + t + v * packet);
            multiply_tile<rows, vectors>(from_, inputs, from_, 1, packed_.get() + t * from_, panel, tile);
            for (int r = 0; r < rows; ++r)
                for (int v = 0; v < vectors; ++v)
                    epilogue.write((first + r) * to_ + t + v * packet, t + v * packet, tile[r][v]);
        }
    }

    std::int64_t from_, to_;
    Scratch packed_;
};

}  // namespace dnsp::kernels::cpu::detail
