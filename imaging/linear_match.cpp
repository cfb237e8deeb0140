#include "imaging/linear_match.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace dnsp::imaging {

Image linear_match(const Image& image, const Image& target) {
    require(image.height == target.height && image.width == target.width && !image.pixels.empty(), "image",
            fmt::format("{}×{} cannot be matched to {}×{}", image.height, image.width, target.height,
                        target.width));
    const auto n = static_cast<double>(image.pixels.size());
    double mean_x = 0.0, mean_y = 0.0;
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
        mean_x += image.pixels[i] / n;
        mean_y += target.pixels[i] / n;
    }
    double xx = 0.0, xy = 0.0;
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
        const double x = image.pixels[i] - mean_x;
        xx += x * x;
        xy += x * (target.pixels[i] - mean_y);
    }
    const double slope = xx > 0.0 ? xy / xx : 0.0;
    Image result = image;
    for (float& x : result.pixels) x = static_cast<float>(mean_y + slope * (x - mean_x));
    return result;
}

}  // namespace dnsp::imaging
