#include "imaging/scan_statistics.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "imaging/fourier.hpp"

namespace dnsp::imaging {
namespace {

constexpr float head_level = 0.1f;
constexpr double bin_width = 0.05;
constexpr std::size_t bins = 22;
constexpr double median_of_normal = 0.6745;  // of |x| for a standard normal x
constexpr double mask_norm = 6.0;            // √(Σ N²)
constexpr double noise_share = 0.7;
constexpr double least_detail_db = -30.0;

/// |N ∗ I| where the head fills the mask.
void add_responses(const Image& image, float threshold, std::vector<float>& responses) {
    for (int y = 1; y + 1 < image.height; ++y)
        for (int x = 1; x + 1 < image.width; ++x) {
            float sum = 0.0f;
            bool in_head = true;
            for (int dy = -1; dy <= 1; ++dy)
                for (int dx = -1; dx <= 1; ++dx) {
                    const float value = image.at(y + dy, x + dx);
                    in_head = in_head && value > threshold;
                    sum += value * static_cast<float>((dy == 0 ? -2 : 1) * (dx == 0 ? -2 : 1));
                }
            if (in_head) responses.push_back(std::abs(sum));
        }
}

/// Sums of the power of the bands of fine detail and their numbers of samples.
struct BandPower {
    double fine = 0.0, middle = 0.0;
    std::size_t fine_count = 0, middle_count = 0;

    /// Adds the frequencies of the columns (along rows' axis) and of the rows.
    void add(const Image& slice) {
        const ComplexImage spectrum = fourier_transform(slice);
        // The frequency of an index, relative to Nyquist.
        const auto frequency = [](int index, int size) { return 2.0 * std::min(index, size - index) / size; };
        for (int y = 0; y < spectrum.height; ++y)
            for (int x = 0; x < spectrum.width; ++x) {
                const double power = std::norm(
                    spectrum.values[static_cast<std::size_t>(y) * static_cast<std::size_t>(spectrum.width) +
                                    static_cast<std::size_t>(x)]);
                for (const double f : {frequency(y, spectrum.height), frequency(x, spectrum.width)}) {
                    if (f >= 0.8) {
                        fine += power;
                        ++fine_count;
                    } else if (f >= 0.35 && f <= 0.55) {
                        middle += power;
                        ++middle_count;
                    }
                }
            }
    }

    double decibels(double noise_power) const {
        if (fine_count == 0 || middle_count == 0) return 0.0;
        const double f = fine / static_cast<double>(fine_count) - noise_power,
                     m = middle / static_cast<double>(middle_count) - noise_power;
        if (m <= 0.0) return 0.0;
        return std::max(least_detail_db, 10.0 * std::log10(std::max(f, 1e-12 * m) / m));
    }
};

}  // namespace

ScanStatistics scan_statistics(const std::vector<Image>& slices, const Normalisation& range,
                               double pixel_mm) {
    ScanStatistics found;
    found.pixel_mm = pixel_mm;
    const float threshold = range.restore(head_level);
    std::vector<float> responses;
    std::vector<std::size_t> counts(bins, 0);
    std::size_t head = 0;
    BandPower power;
    for (const Image& slice : slices) {
        power.add(slice);
        add_responses(slice, threshold, responses);
        for (const float x : slice.pixels) {
            if (x <= threshold) continue;
            ++head;
            const double bin = std::ceil((range.apply(x) - head_level) / bin_width) - 1.0;
            if (bin < static_cast<double>(bins)) ++counts[static_cast<std::size_t>(std::max(0.0, bin))];
        }
    }
    if (!responses.empty()) {
        const auto middle = responses.begin() + static_cast<std::ptrdiff_t>(responses.size() / 2);
        std::nth_element(responses.begin(), middle, responses.end());
        found.noise = *middle / (mask_norm * median_of_normal * (range.high - range.low));
    }
    const double noise = found.noise * (range.high - range.low);
    found.fine_detail_db = power.decibels(noise_share * noise * noise);
    std::size_t below = 0;
    for (const std::size_t count : counts) {
        below += count;
        found.histogram.push_back(head == 0 ? 0.0 : static_cast<double>(below) / static_cast<double>(head));
    }
    return found;
}

double histogram_distance(const std::vector<double>& a, const std::vector<double>& b) {
    require(a.size() == b.size(), "histogram", "two histograms have different numbers of bins");
    double area = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) area += std::abs(a[i] - b[i]) * bin_width;
    return area;
}

}  // namespace dnsp::imaging
