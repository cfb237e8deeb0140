#include "kernels/pixel_shuffle.hpp"

#include "base/parallel.hpp"

namespace dnsp::kernels::cpu {
namespace {

/// Calls move(low element, high element) for each low-resolution element; the high element of padding is −1.
/// A thread owns whole rows at low resolution.
template <class Move>
void for_each_pair(const PixelShuffleShape& s, const Move& move) {
    const std::int64_t rows = s.batch * s.low_height(), low_row = s.low_width() * s.low_channels();
#pragma omp parallel for schedule(static) if (parallel : s.low_elements() > parallel_grain)
    for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t image = row / s.low_height(), top = row % s.low_height() * s.factor;
        std::int64_t low = row * low_row;
        for (std::int64_t left = 0; left < s.low_width() * s.factor; left += s.factor)
            for (std::int64_t c = 0; c < s.channels; ++c)
                for (std::int64_t y = top; y < top + s.factor; ++y)
                    for (std::int64_t x = left; x < left + s.factor; ++x, ++low)
                        move(low, y < s.height && x < s.width
                                      ? ((image * s.height + y) * s.width + x) * s.channels + c
                                      : -1);
    }
}

}  // namespace

template <class T>
void pixel_unshuffle(const PixelShuffleShape& s, const T* high, T* low) {
    for_each_pair(s, [=](std::int64_t to, std::int64_t from) { low[to] = from < 0 ? T(0) : high[from]; });
}

template <class T>
void pixel_shuffle(const PixelShuffleShape& s, const T* low, T* high) {
    for_each_pair(s, [=](std::int64_t from, std::int64_t to) {
        if (to >= 0) high[to] = low[from];
    });
}

DNSP_INSTANTIATE(pixel_unshuffle);
DNSP_INSTANTIATE(pixel_shuffle);

}  // namespace dnsp::kernels::cpu
