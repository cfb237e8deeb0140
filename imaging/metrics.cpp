#include "imaging/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/error.hpp"

namespace dnsp::imaging {
namespace {

constexpr int window = 11;
constexpr double window_sigma = 1.5;
constexpr double k1 = 0.01;
constexpr double k2 = 0.03;

Image shaved(const Image& image, int border) {
    require(border >= 0 && image.height > 2 * border && image.width > 2 * border, "metrics",
            fmt::format("cannot shave {} pixels off each side of {}×{}", border, image.height, image.width));
    return crop(image, border, border, image.height - 2 * border, image.width - 2 * border);
}

void require_comparable(const Image& reference, const Image& image, const MetricConvention& convention) {
    require(reference.height == image.height && reference.width == image.width, "metrics",
            fmt::format("reference is {}×{}, image is {}×{}", reference.height, reference.width, image.height,
                        image.width));
    require(convention.data_range > 0.0, "metrics",
            fmt::format("data range {} is not positive", convention.data_range));
}

std::array<double, window> gaussian_window() {
    std::array<double, window> weights{};
    for (int i = 0; i < window; ++i) {
        const double d = i - window / 2;
        weights[static_cast<std::size_t>(i)] = std::exp(-0.5 * d * d / (window_sigma * window_sigma));
    }
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double& weight : weights) weight /= sum;
    return weights;
}

/// Window sums of x, y, x², y² and xy for one row of window positions.
struct RowMoments {
    explicit RowMoments(std::size_t width) {
        for (auto& moment : moments) moment.resize(width);
    }

    void accumulate_columns(const Image& a, const Image& b, int top,
                            const std::array<double, window>& weights) {
        for (auto& moment : moments) std::fill(moment.begin(), moment.end(), 0.0);
        const auto width = static_cast<std::size_t>(a.width);
        for (std::size_t t = 0; t < window; ++t) {
            const std::size_t row = (static_cast<std::size_t>(top) + t) * width;
            for (std::size_t x = 0; x < width; ++x) {
                const double p = a.pixels[row + x];
                const double q = b.pixels[row + x];
                const double wp = weights[t] * p;
                const double wq = weights[t] * q;
                moments[0][x] += wp;
                moments[1][x] += wq;
                moments[2][x] += wp * p;
                moments[3][x] += wq * q;
                moments[4][x] += wp * q;
            }
        }
    }

    std::array<double, 5> at(std::size_t left, const std::array<double, window>& weights) const {
        std::array<double, 5> sums{};
        for (std::size_t m = 0; m < sums.size(); ++m) {
            for (std::size_t t = 0; t < window; ++t) sums[m] += weights[t] * moments[m][left + t];
        }
        return sums;
    }

    std::array<std::vector<double>, 5> moments;
};

}  // namespace

double psnr(const Image& reference, const Image& image, const MetricConvention& convention) {
    require_comparable(reference, image, convention);
    const Image a = shaved(reference, convention.border_shave);
    const Image b = shaved(image, convention.border_shave);
    double sum = 0.0;
    for (std::size_t i = 0; i < a.pixels.size(); ++i) {
        const double difference = static_cast<double>(a.pixels[i]) - b.pixels[i];
        sum += difference * difference;
    }
    if (sum == 0.0) return std::numeric_limits<double>::infinity();
    const double mean = sum / static_cast<double>(a.pixels.size());
    return 10.0 * std::log10(convention.data_range * convention.data_range / mean);
}

double ssim(const Image& reference, const Image& image, const MetricConvention& convention) {
    require_comparable(reference, image, convention);
    const Image a = shaved(reference, convention.border_shave);
    const Image b = shaved(image, convention.border_shave);
    require(a.height >= window && a.width >= window, "metrics",
            fmt::format("SSIM needs at least {0}×{0} pixels, got {1}×{2}", window, a.height, a.width));
    const auto weights = gaussian_window();
    const double c1 = std::pow(k1 * convention.data_range, 2);
    const double c2 = std::pow(k2 * convention.data_range, 2);
    const auto columns = static_cast<std::size_t>(a.width - window + 1);
    const int rows = a.height - window + 1;
    RowMoments moments(static_cast<std::size_t>(a.width));
    double sum = 0.0;
    for (int y = 0; y < rows; ++y) {
        moments.accumulate_columns(a, b, y, weights);
        for (std::size_t x = 0; x < columns; ++x) {
            const auto [mean_a, mean_b, square_a, square_b, product] = moments.at(x, weights);
            const double variances = square_a - mean_a * mean_a + square_b - mean_b * mean_b;
            const double covariance = product - mean_a * mean_b;
            sum += (2.0 * mean_a * mean_b + c1) * (2.0 * covariance + c2) /
                   ((mean_a * mean_a + mean_b * mean_b + c1) * (variances + c2));
        }
    }
    return sum / (static_cast<double>(rows) * static_cast<double>(columns));
}

std::string describe(const MetricConvention& convention, const std::string& data_range) {
    const std::string border = convention.border_shave == 0
                                   ? std::string("no border shaved")
                                   : fmt::format("{} pixels shaved off each side", convention.border_shave);
    return fmt::format(
        "PSNR and SSIM with data range {}, {}; SSIM with an {}×{} Gaussian window of σ = {}, K1 = {}, K2 = {}, "
        "population covariances, mean over windows inside the image.",
        data_range.empty() ? fmt::format("{}", convention.data_range) : data_range, border, window, window,
        window_sigma, k1, k2);
}

}  // namespace dnsp::imaging
