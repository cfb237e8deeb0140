#pragma once

// V, V_mod and S from their definitions, with their gradients by the chain rule over single pixels.
#include <vector>

#include "kernels/filter_variance.hpp"

namespace dnsp::reference {

using kernels::Border;
using kernels::FilterVarianceShape;

/// One image, zero outside its borders.
struct ImageView {
    const double* pixels;
    std::int64_t height, width;
    double at(std::int64_t y, std::int64_t x) const {
        return y < 0 || x < 0 || y >= height || x >= width ? 0.0 : pixels[y * width + x];
    }
};

/// The filter's centre runs over `first … last` of rows and columns.
struct ResponseGrid {
    std::int64_t first_y, last_y, first_x, last_x;
    ResponseGrid(const FilterVarianceShape& s) {
        const std::int64_t margin = s.border == Border::valid ? s.kernel / 2 : 0;
        first_y = first_x = margin;
        last_y = s.height - 1 - margin;
        last_x = s.width - 1 - margin;
    }
};

/// P = W ⋆ Y at every position of the grid, row by row.
inline std::vector<double> response(const FilterVarianceShape& s, const ImageView& image,
                                    const double* filter) {
    const ResponseGrid grid(s);
    std::vector<double> out;
    for (std::int64_t y = grid.first_y; y <= grid.last_y; ++y)
        for (std::int64_t x = grid.first_x; x <= grid.last_x; ++x) {
            double sum = 0;
            for (std::int64_t i = 0; i < s.kernel; ++i)
                for (std::int64_t j = 0; j < s.kernel; ++j)
                    sum += filter[i * s.kernel + j] * image.at(y + i - s.kernel / 2, x + j - s.kernel / 2);
            out.push_back(sum);
        }
    return out;
}

struct FilterVariance {
    std::vector<double> value;            // [batch]
    std::vector<double> image_gradient;   // [batch, height, width]
    std::vector<double> filter_gradient;  // [filters, taps], summed over the batch
};

/// Eqs. (8), (12) and (14) with dˡ, paper Eq. (21) for one filter.
inline FilterVariance filter_variance(const FilterVarianceShape& s, const std::vector<double>& images,
                                      const std::vector<double>& weights) {
    FilterVariance out{std::vector<double>(static_cast<std::size_t>(s.batch), 0.0),
                       std::vector<double>(images.size(), 0.0), std::vector<double>(weights.size(), 0.0)};
    const ResponseGrid grid(s);
    for (std::int64_t b = 0; b < s.batch; ++b)
        for (std::int64_t f = 0; f < s.filters; ++f) {
            const ImageView image{images.data() + b * s.height * s.width, s.height, s.width};
            const double* filter = weights.data() + f * s.taps();
            const std::vector<double> p = response(s, image, filter);
            const double n = static_cast<double>(p.size());
            double mean = 0, squares = 0;
            for (double value : p) mean += value / n;
            for (double value : p) squares += (value - mean) * (value - mean);
            out.value[static_cast<std::size_t>(b)] += squares / (n - 1) / static_cast<double>(s.filters);

            std::size_t at = 0;
            for (std::int64_t y = grid.first_y; y <= grid.last_y; ++y)
                for (std::int64_t x = grid.first_x; x <= grid.last_x; ++x) {
                    const double d = 2 / (n - 1) * (p[at++] - mean) / static_cast<double>(s.filters);
                    for (std::int64_t i = 0; i < s.kernel; ++i)
                        for (std::int64_t j = 0; j < s.kernel; ++j) {
                            const std::int64_t row = y + i - s.kernel / 2, col = x + j - s.kernel / 2;
                            const std::int64_t tap = i * s.kernel + j;
                            out.filter_gradient[static_cast<std::size_t>(f * s.taps() + tap)] +=
                                d * image.at(row, col);
                            if (row < 0 || col < 0 || row >= s.height || col >= s.width) continue;
                            out.image_gradient[static_cast<std::size_t>((b * s.height + row) * s.width +
                                                                        col)] += d * filter[tap];
                        }
                }
        }
    return out;
}

/// One of the two sums of Eq. (9), Σ_l Σ_a ‖Wˡ ⋆ patch_a‖², and its gradient, Eq. (14).
inline double filter_energy(const FilterVarianceShape& s, const std::vector<double>& patches,
                            const std::vector<double>& weights, double sign,
                            std::vector<double>& filter_gradient) {
    const ResponseGrid grid(s);
    double total = 0;
    for (std::int64_t a = 0; a < s.batch; ++a)
        for (std::int64_t f = 0; f < s.filters; ++f) {
            const ImageView image{patches.data() + a * s.height * s.width, s.height, s.width};
            std::size_t at = 0;
            const std::vector<double> p = response(s, image, weights.data() + f * s.taps());
            for (double value : p) total += value * value;
            for (std::int64_t y = grid.first_y; y <= grid.last_y; ++y)
                for (std::int64_t x = grid.first_x; x <= grid.last_x; ++x, ++at)
                    for (std::int64_t tap = 0; tap < s.taps(); ++tap)
                        filter_gradient[static_cast<std::size_t>(f * s.taps() + tap)] +=
                            2 * sign * p[at] *
                            image.at(y + tap / s.kernel - s.kernel / 2, x + tap % s.kernel - s.kernel / 2);
        }
    return sign * total;
}

}  // namespace dnsp::reference
