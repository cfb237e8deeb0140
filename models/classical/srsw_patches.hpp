#pragma once

#include <span>

#include "imaging/image.hpp"

namespace dnsp::classical {

/// Largest side of a low-resolution patch.
inline constexpr int max_patch = 15;

/// Patches of SRSW, row-major. A pair belongs to a low-resolution pixel (y, x). Borders are mirrored with the
/// edge sample repeated. patch is odd and at most max_patch.
struct PatchGeometry {
    int patch = 3;  ///< p, side of a low-resolution patch
    int scale = 2;
    int low_size() const { return patch * patch; }
    int high_side() const { return scale * patch; }
    int high_size() const { return high_side() * high_side(); }
};

/// The p×p patch around (y, x). `values` holds low_size() numbers.
void low_patch(const imaging::Image& low, const PatchGeometry& geometry, int y, int x,
               std::span<float> values);

/// The sp×sp patch of the high-resolution image over the same area. `values` holds high_size() numbers.
void high_patch(const imaging::Image& high, const PatchGeometry& geometry, int y, int x,
                std::span<float> values);

}  // namespace dnsp::classical
