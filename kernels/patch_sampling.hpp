#pragma once

#include <cstdint>

#include "base/philox.hpp"
#include "kernels/kernel.hpp"
#include "kernels/step_position.hpp"

namespace dnsp::kernels {

/// The position of a slice in the flat array of all slices (dense rows of `width` pixels) and of its entries
/// in the flat array of corners. A pixel of an input slice is `channels` values. Both arrays lie in the
/// memory of the kernel's device.
struct SliceEntry {
    std::int64_t first_pixel = 0;
    std::int32_t width = 0;
    std::int32_t first_corner = 0;
    std::int32_t corners = 0;
};

/// The top left pixel of a patch.
struct CornerEntry {
    std::int32_t y = 0;
    std::int32_t x = 0;
};

struct PatchSampling {
    std::int64_t batch = 1;
    std::int32_t patch = 40;              ///< side
    std::int32_t patches_per_slice = 16;  ///< slice k has numbers k·patches_per_slice …
    Philox random;                        ///< of epoch 0; epoch e uses stream + e; block i decides patch i
    std::int32_t channels = 1;            ///< of a pixel of the input; the target has one
    std::int32_t symmetries = 8;          ///< 4: without transposition
    /// A step takes `shards` batches of `batch` patches, of which one is cut.
    std::int32_t shards = 1, shard = 0;
};

/// Cuts a batch at `position`. order[batch · (shards · step + shard) + b], b < batch, is the number n of a
/// patch of slice n / patches_per_slice. Words 0 and 1 of Philox block n of the epoch's stream select a
/// corner of the slice and one of the symmetries (bit 0 mirrors columns, bit 1 rows, bit 2 transposes first).
/// Overwrites input [batch, patch, patch, channels] and target [batch, patch, patch] with the same window of
/// both images.
DNSP_DECLARE_PLAIN_KERNEL(sample_patches, const PatchSampling& sampling, const StepPosition* position,
                          const std::uint32_t* order, const SliceEntry* slices, const CornerEntry* corners,
                          const float* input_slices, const float* target_slices, float* input, float* target);

/// The first patch of the batch in the order, for both devices.
constexpr std::int64_t first_patch(const PatchSampling& sampling, std::int64_t step) {
    return sampling.batch * (sampling.shards * step + sampling.shard);
}

/// The window and symmetry of a patch, for both devices.
struct PatchChoice {
    std::int64_t slice;
    CornerEntry corner;
    int symmetry;
};
constexpr PatchChoice choose_patch(const PatchSampling& sampling, std::int64_t epoch, std::uint32_t which,
                                   const SliceEntry* slices, const CornerEntry* corners) {
    const std::int64_t slice = which / static_cast<std::uint32_t>(sampling.patches_per_slice);
    const SliceEntry& entry = slices[slice];
    const Philox random{sampling.random.seed, sampling.random.stream + static_cast<std::uint64_t>(epoch)};
    const auto words = random.block(which);
    const auto k = (static_cast<std::uint64_t>(words[0]) * static_cast<std::uint64_t>(entry.corners)) >> 32;
    return {slice, corners[entry.first_corner + static_cast<std::int64_t>(k)],
            static_cast<int>(words[1] % static_cast<std::uint32_t>(sampling.symmetries))};
}

/// The pixel of the slice that is copied to (y, x) of the patch.
constexpr std::int64_t source_pixel(const PatchSampling& sampling, const PatchChoice& choice,
                                    const SliceEntry& entry, std::int32_t y, std::int32_t x) {
    const std::int32_t last = sampling.patch - 1;
    std::int32_t row = choice.symmetry & 2 ? last - y : y;
    std::int32_t col = choice.symmetry & 1 ? last - x : x;
    if (choice.symmetry & 4) {
        const std::int32_t t = row;
        row = col;
        col = t;
    }
    return entry.first_pixel + static_cast<std::int64_t>(choice.corner.y + row) * entry.width +
           choice.corner.x + col;
}

}  // namespace dnsp::kernels
