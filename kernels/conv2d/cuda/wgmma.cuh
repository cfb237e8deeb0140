#pragma once

// Shared by the wgmma convolutions: boxes of pixels, and rings of stages in shared memory between the thread
// that starts TMA copies and the warpgroups that multiply.
#include <array>
#include <cstdint>

#include "kernels/bfloat16.hpp"
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/simt/grid.hpp"
#include "kernels/simt/ptx.cuh"

namespace dnsp::kernels::cuda::detail {

constexpr int warpgroup_threads = 128;
/// A row of a box in shared memory is 64 channels of a pixel. A swizzle pattern has 8 rows.
constexpr int slab_channels = 64, row_bytes = 128, pattern_rows = 8;

/// Returns a value that all lanes share, in a form that the compiler knows to be uniform. Addresses computed
/// from it stay in uniform registers, as wgmma descriptors require.
__device__ __forceinline__ int in_common(int value) { return __shfl_sync(0xffffffffu, value, 0); }

/// The images of a batch, cut into boxes of width × height pixels. Boxes at the edges are partly out of
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

/// The boxes of at most `max_pixels` pixels with the least cost(width, height, boxes per image). A negative
/// cost excludes a size. Widths are multiples of the pattern height, so that consecutive image rows are whole
/// patterns apart.
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

/// A tensor map of images with `channels` channels; a box has `rows` image rows.
inline simt::TensorMap image_map(const Conv2dShape& s, const bfloat16* images, std::int64_t channels,
                                 const PixelBoxes& boxes, int rows) {
    return simt::make_tensor_map(images, {channels, s.width, s.height, s.batch},
                                 {slab_channels, boxes.width, rows, 1});
}

/// A position in a ring of stages. `parity` is the parity of the current phase of the stage's barriers.
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

/// The barriers of a ring. A stage is full when its copies have landed, and empty when every reading warp has
/// arrived.
template <int stages>
struct RingBarriers {
    std::uint64_t *full, *empty;

    __device__ __forceinline__ void initialise(int readers) const {
        for (int stage = 0; stage < stages; ++stage) {
            simt::mbarrier_init(full + stage, 1);
            simt::mbarrier_init(empty + stage, readers);
        }
    }
    /// Called by the copying thread: waits until the stage may be overwritten, then announces `bytes` bytes.
    __device__ __forceinline__ std::uint64_t* begin_copies(const Ring<stages>& at, int bytes) const {
        simt::mbarrier_wait(empty + at.stage, at.parity ^ 1u, simt::WaitsFor::readers);
        simt::mbarrier_arrive_expect_tx(full + at.stage, static_cast<std::uint32_t>(bytes));
        return full + at.stage;
    }
    __device__ __forceinline__ void wait_for_copies(const Ring<stages>& at) const {
        simt::mbarrier_wait(full + at.stage, at.parity, simt::WaitsFor::copies);
    }
    /// Called by one lane of every warp that reads the stage.
    __device__ __forceinline__ void release(int stage) const { simt::mbarrier_arrive(empty + stage); }
};

}  // namespace dnsp::kernels::cuda::detail
