#include "models/classical/srsw_patches.hpp"

#include "imaging/resample.hpp"

namespace dnsp::classical {
namespace {

void square(const imaging::Image& image, int y, int x, int side, std::span<float> values) {
    std::size_t i = 0;
    for (int row = y; row < y + side; ++row)
        for (int column = x; column < x + side; ++column)
            values[i++] = image.at(imaging::mirrored_index(row, image.height),
                                   imaging::mirrored_index(column, image.width));
}

}  // namespace

void low_patch(const imaging::Image& low, const PatchGeometry& geometry, int y, int x,
               std::span<float> values) {
    const int radius = geometry.patch / 2;
    square(low, y - radius, x - radius, geometry.patch, values);
}

void high_patch(const imaging::Image& high, const PatchGeometry& geometry, int y, int x,
                std::span<float> values) {
    const int radius = geometry.patch / 2;
    square(high, geometry.scale * (y - radius), geometry.scale * (x - radius), geometry.high_side(), values);
}

}  // namespace dnsp::classical
