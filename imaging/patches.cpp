#include "imaging/patches.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"

namespace dnsp::imaging {
namespace {

double foreground_fraction(const Image& image, PatchCorner corner, int height, int width, float threshold) {
    long count = 0;
    for (int y = corner.y; y < corner.y + height; ++y) {
        for (int x = corner.x; x < corner.x + width; ++x) count += image.at(y, x) > threshold;
    }
    return static_cast<double>(count) / (static_cast<double>(height) * width);
}

/// ‖(L/4) ∗ patch‖²_F over the pixels whose four neighbours lie in the patch.
double laplacian_response(const Image& image, PatchCorner corner, int size) {
    double sum = 0.0;
    for (int y = corner.y + 1; y < corner.y + size - 1; ++y) {
        for (int x = corner.x + 1; x < corner.x + size - 1; ++x) {
            const double neighbours = static_cast<double>(image.at(y - 1, x)) + image.at(y + 1, x) +
                                      image.at(y, x - 1) + image.at(y, x + 1);
            const double response = image.at(y, x) - 0.25 * neighbours;
            sum += response * response;
        }
    }
    return sum;
}

}  // namespace

double foreground_fraction(const Image& image, float threshold) {
    require(!image.pixels.empty(), "image", "has no pixels");
    return foreground_fraction(image, {0, 0}, image.height, image.width, threshold);
}

std::vector<PatchCorner> patch_corners(const Image& image, int size, int stride, float foreground_threshold,
                                       double minimum_foreground) {
    require(size >= 1 && stride >= 1, "patches",
            fmt::format("size {} and stride {} must be positive", size, stride));
    std::vector<PatchCorner> corners;
    for (int y = 0; y + size <= image.height; y += stride) {
        for (int x = 0; x + size <= image.width; x += stride) {
            const PatchCorner corner{y, x};
            if (foreground_fraction(image, corner, size, size, foreground_threshold) >= minimum_foreground) {
                corners.push_back(corner);
            }
        }
    }
    return corners;
}

Image apply_symmetry(const Image& image, int symmetry) {
    require(symmetry >= 0 && symmetry < 8, "patch", fmt::format("symmetry {} is not in 0…7", symmetry));
    const bool mirror_columns = (symmetry & 1) != 0;
    const bool mirror_rows = (symmetry & 2) != 0;
    const bool transpose = (symmetry & 4) != 0;
    Image result = transpose ? Image(image.width, image.height) : Image(image.height, image.width);
    for (int y = 0; y < result.height; ++y) {
        for (int x = 0; x < result.width; ++x) {
            const int row = mirror_rows ? result.height - 1 - y : y;
            const int column = mirror_columns ? result.width - 1 - x : x;
            result.at(y, x) = transpose ? image.at(column, row) : image.at(row, column);
        }
    }
    return result;
}

int inverse_symmetry(int symmetry) {
    if ((symmetry & 4) == 0) return symmetry;
    return 4 | (symmetry & 1) << 1 | (symmetry & 2) >> 1;
}

std::optional<SharpSmoothPair> select_sharp_and_smooth(const Image& image, int size, int stride,
                                                       float foreground_threshold,
                                                       double minimum_foreground) {
    require(size >= 3, "patches", fmt::format("a patch of {} pixels has no inner pixel", size));
    const auto corners = patch_corners(image, size, stride, foreground_threshold, minimum_foreground);
    if (corners.empty()) return std::nullopt;
    std::vector<double> responses;
    for (const PatchCorner& corner : corners) responses.push_back(laplacian_response(image, corner, size));
    const auto sharp = std::max_element(responses.begin(), responses.end()) - responses.begin();
    const auto smooth = std::min_element(responses.begin(), responses.end()) - responses.begin();
    const auto patch = [&](auto i) {
        const PatchCorner corner = corners[static_cast<std::size_t>(i)];
        return crop(image, corner.y, corner.x, size, size);
    };
    return SharpSmoothPair{patch(sharp), patch(smooth), responses[static_cast<std::size_t>(sharp)],
                           responses[static_cast<std::size_t>(smooth)]};
}

}  // namespace dnsp::imaging
