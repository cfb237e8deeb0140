#include "imaging/image.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"

namespace dnsp::imaging {

Image crop(const Image& image, int y, int x, int height, int width) {
    require(y >= 0 && x >= 0 && height >= 0 && width >= 0 && height <= image.height - y &&
                width <= image.width - x,
            "image",
            fmt::format("rectangle of {}×{} at ({}, {}) does not lie inside {}×{}", height, width, y, x,
                        image.height, image.width));
    Image part(height, width);
    for (int row = 0; row < height; ++row) {
        const float* source = image.pixels.data() + static_cast<std::size_t>(y + row) * image.width + x;
        std::copy_n(source, width, part.pixels.data() + static_cast<std::size_t>(row) * width);
    }
    return part;
}

Image crop_to_multiple(const Image& image, int scale) {
    require(scale >= 1, "image", fmt::format("cannot crop to a multiple of {}", scale));
    require(image.height >= scale && image.width >= scale, "image",
            fmt::format("{}×{} is smaller than the scale {}", image.height, image.width, scale));
    return crop(image, 0, 0, image.height - image.height % scale, image.width - image.width % scale);
}

Image transposed(const Image& image) {
    Image result(image.width, image.height);
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x) result.at(x, y) = image.at(y, x);
    return result;
}

}  // namespace dnsp::imaging
