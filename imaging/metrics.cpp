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

/// The windowed means of x, y, x², y² and xy.
using Moments = std::array<std::vector<double>, 5>;

/// The moments at all positions of an 11×11 window, row by row.
Moments window_moments(const Image& a, const Image& b, const std::array<double, window>& weights) {
    const auto width = static_cast<std::size_t>(a.width), columns = width - window + 1;
    const auto rows = static_cast<std::size_t>(a.height) - window + 1;
    Moments moments;
    for (auto& moment : moments) moment.resize(rows * columns);
#pragma omp parallel for
    for (std::size_t y = 0; y < rows; ++y) {
        Moments lines;
        for (auto& line : lines) line.assign(width, 0.0);
        for (std::size_t t = 0; t < window; ++t)
            for (std::size_t x = 0; x < width; ++x) {
                const double p = a.pixels[(y + t) * width + x], q = b.pixels[(y + t) * width + x];
                const double wp = weights[t] * p, wq = weights[t] * q;
                lines[0][x] += wp;
                lines[1][x] += wq;
                lines[2][x] += wp * p;
                lines[3][x] += wq * q;
                lines[4][x] += wp * q;
            }
        for (std::size_t m = 0; m < moments.size(); ++m)
            for (std::size_t x = 0; x < columns; ++x) {
                double sum = 0.0;
                for (std::size_t t = 0; t < window; ++t) sum += weights[t] * lines[m][x + t];
                moments[m][y * columns + x] = sum;
            }
    }
    return moments;
}

/// SSIM of each position from its moments.
SsimMap ssim_of(const Moments& moments, int height, int width, double data_range) {
    const double c1 = std::pow(k1 * data_range, 2), c2 = std::pow(k2 * data_range, 2);
    SsimMap map{height, width, std::vector<double>(moments[0].size())};
    for (std::size_t i = 0; i < map.values.size(); ++i) {
        const double mean_a = moments[0][i], mean_b = moments[1][i];
        const double variances = moments[2][i] - mean_a * mean_a + moments[3][i] - mean_b * mean_b;
        const double covariance = moments[4][i] - mean_a * mean_b;
        map.values[i] = (2.0 * mean_a * mean_b + c1) * (2.0 * covariance + c2) /
                        ((mean_a * mean_a + mean_b * mean_b + c1) * (variances + c2));
    }
    return map;
}

void require_window(const Image& image) {
    require(
        image.height >= window && image.width >= window, "metrics",
        fmt::format("SSIM needs at least {0}×{0} pixels, got {1}×{2}", window, image.height, image.width));
}

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
    const SsimMap map = ssim_map(reference, image, convention);
    return std::accumulate(map.values.begin(), map.values.end(), 0.0) /
           static_cast<double>(map.values.size());
}

SsimMap ssim_map(const Image& reference, const Image& image, const MetricConvention& convention) {
    require_comparable(reference, image, convention);
    const Image a = shaved(reference, convention.border_shave);
    const Image b = shaved(image, convention.border_shave);
    require_window(a);
    return ssim_of(window_moments(a, b, gaussian_window()), a.height - window + 1, a.width - window + 1,
                   convention.data_range);
}

SsimMap VolumeSsim::add(const Image& reference, const Image& image) {
    require_comparable(reference, image, {data_range_, 0});
    require_window(reference);
    const auto weights = gaussian_window();
    planes_.push_back(window_moments(reference, image, weights));
    if (planes_.size() < window) return {};
    Moments moments;
    for (std::size_t m = 0; m < moments.size(); ++m) {
        moments[m].assign(planes_.front()[m].size(), 0.0);
        for (std::size_t t = 0; t < window; ++t)
            for (std::size_t i = 0; i < moments[m].size(); ++i)
                moments[m][i] += weights[t] * planes_[t][m][i];
    }
    planes_.pop_front();
    return ssim_of(moments, reference.height - window + 1, reference.width - window + 1, data_range_);
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
