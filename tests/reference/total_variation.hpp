#pragma once

// Smoothed isotropic total variation of one image, pixel by pixel. The gradient is gathered at each pixel.
#include <cmath>
#include <cstdint>
#include <vector>

namespace dnsp::reference {

struct TotalVariation {
    double value = 0;
    std::vector<double> gradient;
};

inline TotalVariation total_variation(std::int64_t height, std::int64_t width, double epsilon,
                                      const std::vector<double>& image) {
    const auto at = [&](std::int64_t y, std::int64_t x) {
        return image[static_cast<std::size_t>(y * width + x)];
    };
    const auto down = [&](std::int64_t y, std::int64_t x) {
        return y + 1 < height ? at(y + 1, x) - at(y, x) : 0;
    };
    const auto right = [&](std::int64_t y, std::int64_t x) {
        return x + 1 < width ? at(y, x + 1) - at(y, x) : 0;
    };
    const auto length = [&](std::int64_t y, std::int64_t x) {
        return std::sqrt(std::pow(down(y, x), 2) + std::pow(right(y, x), 2) + epsilon * epsilon);
    };
    TotalVariation out;
    for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t x = 0; x < width; ++x) {
            out.value += length(y, x) - epsilon;
            double gradient = -(down(y, x) + right(y, x)) / length(y, x);
            if (y > 0) gradient += down(y - 1, x) / length(y - 1, x);
            if (x > 0) gradient += right(y, x - 1) / length(y, x - 1);
            out.gradient.push_back(gradient);
        }
    return out;
}

}  // namespace dnsp::reference
