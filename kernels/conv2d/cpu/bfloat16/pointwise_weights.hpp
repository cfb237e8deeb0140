#pragma once

#include "kernels/conv2d/cpu/bfloat16/packed_weight.hpp"

namespace dnsp::kernels::cpu::detail {

/// The packed weights of a 1×1 convolution that is multiplied by the unit of this process.
/// Precondition: bfloat16_direct_supports(shape).
class Bfloat16PointwiseWeights {
  public:
    using Input = bfloat16;

    Bfloat16PointwiseWeights(const Conv2dShape& s, const float* weight)
        : unit_(*bfloat16_unit()),
          from_(s.in_channels),
          to_(s.out_channels),
          panel_(panel_channels(to_, unit_.max_channels)),
          packed_(packed_weight(Taps(s, false), weight, rows_of_taps(Taps(s, false), from_), panel_)) {}
    std::int64_t from() const { return from_; }
    /// Pixels that multiply() reads for `count` pixels: a multiple of the unit's rows.
    std::int64_t pixels_read(std::int64_t count) const { return divide_up(count, unit_.rows) * unit_.rows; }

    /// output[first + p, t] = epilogue(Σ_f inputs[p, f] · weights[f, t]), p < count.
    template <class To>
    void multiply(std::int64_t first, std::int64_t count, const bfloat16* inputs,
                  const Epilogue<To>& epilogue) const {
        const auto sums = uninitialised(pixels_read(count) * panel_);
        for (std::int64_t t = 0; t < to_; t += panel_) {
            Bfloat16Session(unit_).multiply({.rows = pixels_read(count),
                                             .channels = panel_,
                                             .depth = from_,
                                             .parts = 1,
                                             .a = &inputs,
                                             .a_stride = from_,
                                             .b = packed_.get() + t * from_,
                                             .sums = sums.get(),
                                             .sums_stride = panel_});
            for (std::int64_t p = 0; p < count; ++p)
                for (std::int64_t c = 0; c < panel_; c += packet)
                    epilogue.write((first + p) * to_ + t + c, t + c,
                                   load<Vector>(sums.get() + p * panel_ + c));
        }
    }

  private:
    const Bfloat16Unit& unit_;
    std::int64_t from_, to_, panel_;
    ScratchOf<bfloat16> packed_;
};

}  // namespace dnsp::kernels::cpu::detail
