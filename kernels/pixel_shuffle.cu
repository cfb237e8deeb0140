#include "kernels/pixel_shuffle.hpp"
#include "kernels/simt/grid.hpp"
#include "kernels/simt/simt.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int threads = 256;

// low[n, Y, X, f²·c + f·i + j] = high[n, f·Y + i, f·X + j, c] from left to right (to_low), or from right to
// left. Layouts: NHWC. A thread owns every (gridDim.x · threads)-th low-resolution element: neighbouring
// threads access neighbouring elements of `low`, and runs of f elements of `high` (1 channel). Bound by
// device memory.
template <bool to_low, class T>
__global__ void __launch_bounds__(threads)
    move_elements(const PixelShuffleShape s, const T* source, T* target) {
    const std::int64_t count = s.low_elements(), f = s.factor;
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * threads;
    for (std::int64_t low = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x; low < count;
         low += stride) {
        const std::int64_t channel = low % s.low_channels(), pixel = low / s.low_channels();
        const std::int64_t row = pixel / s.low_width(), image = row / s.low_height();
        const std::int64_t y = row % s.low_height() * f + channel / f % f,
                           x = pixel % s.low_width() * f + channel % f;
        const bool inside = y < s.height && x < s.width;
        const std::int64_t high = ((image * s.height + y) * s.width + x) * s.channels + channel / (f * f);
        if (to_low)
            target[low] = inside ? source[high] : T(0);
        else if (inside)
            target[high] = source[low];
    }
}

template <bool to_low, class T>
void launch_move(const PixelShuffleShape& s, const T* source, T* target) {
    simt::launch(move_elements<to_low, T>, simt::blocks_for_stride_loop(s.low_elements(), threads), threads,
                 0, s, source, target);
}

}  // namespace

template <class T>
void pixel_unshuffle(const PixelShuffleShape& s, const T* high, T* low) {
    launch_move<true>(s, high, low);
}

template <class T>
void pixel_shuffle(const PixelShuffleShape& s, const T* low, T* high) {
    launch_move<false>(s, low, high);
}

DNSP_INSTANTIATE(pixel_unshuffle);
DNSP_INSTANTIATE(pixel_shuffle);

}  // namespace dnsp::kernels::cuda
