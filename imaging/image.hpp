#pragma once

#include <cstddef>
#include <vector>

namespace dnsp::imaging {

/// One slice or picture: height × width intensities, row-major, no channels.
struct Image {
    int height = 0;
    int width = 0;
    std::vector<float> pixels;

    Image() = default;
    Image(int h, int w, float value = 0.0f)
        : height(h), width(w), pixels(static_cast<std::size_t>(h) * static_cast<std::size_t>(w), value) {}

    float& at(int y, int x) { return pixels[static_cast<std::size_t>(y) * width + x]; }
    float at(int y, int x) const { return pixels[static_cast<std::size_t>(y) * width + x]; }
};

/// The rectangle [y, y+height) × [x, x+width); it must lie inside the image.
Image crop(const Image& image, int y, int x, int height, int width);

/// Crops at the bottom and right so that both sides are multiples of `scale`.
Image crop_to_multiple(const Image& image, int scale);

Image transposed(const Image& image);

}  // namespace dnsp::imaging
