#pragma once

// What the convolutions by wgmma share: how images are cut into boxes of pixels, and rings of stages in
// shared memory between the one thread that starts bulk copies and the warpgroups that multiply.
#include <array>
#include <cstdint>

#include "kernels/bfloat16.hpp"
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/simt/grid.hpp"
#include "kernels/simt/ptx.cuh"

namespace dnsp::kernels::cuda::detail {

constexpr int warpgroup_threads = 128;
/// A row of a box in shared memory is 64 channels of a pixel; a pattern of the swizzle has 8 rows.
constexpr int slab_channels = 64, row_bytes = 128, pattern_rows = 8;

/// A number that all lanes of a warp have in common, in a form that tells the compiler so: addresses that are
/// made of it stay in uniform registers, where wgmma's descriptors have to be.
__device__ __forceinline__ int in_common(int value) { return __shfl_sync(0xffffffffu, value, 0); }

/// The images of a batch, cut into boxes of width × height pixels each; those at the edges are partly out of
/// bounds.
struct PixelBoxes {
    int width = 0, height = 0, across = 0, down = 0;

    struct Place {
        int x, y, image;
    };
    __device__ __forceinline__ Place place(int box) const {
        return {box % across * width, box / across % down * height, box / across / down};
    }
};

/// Of the boxes of at most `max_pixels` pixels, those of least cost(width, height, boxes in an image); a
/// negative cost rules them out. Their widths are multiples of a pattern's rows, so that boxes one row of the
/// image apart are whole patterns apart.
template <class Cost>
PixelBoxes cut_into_boxes(const Conv2dShape& s, int max_pixels, Cost cost) {
    PixelBoxes best;
    std::int64_t least = -1;
    for (int width = pattern_rows; width <= max_pixels; width += pattern_rows)
        for (int height = 1; width * height <= max_pixels; ++height) {
            const auto across = static_cast<int>(divide_up(s.width, width));
            const auto down = static_cast<int>(divide_up(s.height, height));
            const std::int64_t c = cost(width, height, std::int64_t{across} * down);
            if (c < 0 || (least >= 0 && c >= least)) continue;
            least = c;
            best = {width, height, across, down};
        }
    return best;
}

/// Of images with so many channels; a box has `rows` rows of them.
inline simt::TensorMap image_map(const Conv2dShape& s, const bfloat16* images, std::int64_t channels,
                                 const PixelBoxes& boxes, int rows) {
    return simt::make_tensor_map(images, {channels, s.width, s.height, s.batch},
                                 {slab_channels, boxes.width, rows, 1});
}

/// Where one who goes round a ring of stages is: the parity is that of the phase of the stage's barriers.
template <int stages>
struct Ring {
    int stage = 0;
    std::uint32_t parity = 0;

    __device__ __forceinline__ void advance() {
        if (++stage < stages) return;
        stage = 0;
        parity ^= 1u;
    }
};

/// The barriers of a ring: a stage is full when its copies have landed, empty when every warp that reads it
/// has arrived.
template <int stages>
struct RingBarriers {
    std::uint64_t *full, *empty;

    __device__ __forceinline__ void initialise(int readers) const {
        for (int stage = 0; stage < stages; ++stage) {
            simt::mbarrier_init(full + stage, 1);
            simt::mbarrier_init(empty + stage, readers);
        }
    }
    /// By the thread that copies: waits until the stage may be overwritten, and announces what will come.
    __device__ __forceinline__ std::uint64_t* begin_copies(const Ring<stages>& at, int bytes) const {
        simt::mbarrier_wait(empty + at.stage, at.parity ^ 1u);
        simt::mbarrier_arrive_expect_tx(full + at.stage, static_cast<std::uint32_t>(bytes));
        return full + at.stage;
    }
    __device__ __forceinline__ void wait_for_copies(const Ring<stages>& at) const {
        simt::mbarrier_wait(full + at.stage, at.parity);
    }
    /// By one lane of every warp that reads the stage.
    __device__ __forceinline__ void release(int stage) const { simt::mbarrier_arrive(empty + stage); }
};

}  // namespace dnsp::kernels::cuda::detail
