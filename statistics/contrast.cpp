#include "statistics/contrast.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.hpp"
#include "base/philox.hpp"
#include "statistics/distributions.hpp"
#include "statistics/interval.hpp"

namespace dnsp::statistics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Contrast contrast_of(double mean, double standard_error, double df, std::size_t n) {
    const double t = mean / standard_error;
    return {mean,
            student_t_quantile(1 - alpha / 2, df) * standard_error,
            t,
            df,
            student_t_two_sided_p(t, df),
            static_cast<int>(n)};
}

Contrast without_test(double mean, std::size_t n) { return {mean, nan, nan, nan, nan, static_cast<int>(n)}; }

/// Variance of the values over their number.
double squared_error_of_mean(std::span<const double> values) {
    const auto n = static_cast<double>(values.size());
    return squared_deviations(values) / (n - 1) / n;
}

/// The value at a share of the sorted values, by linear interpolation.
double percentile(const std::vector<double>& sorted, double share) {
    const double position = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

}  // namespace

Contrast paired_contrast(std::span<const double> a, std::span<const double> b) {
    require(a.size() == b.size(), "[contrast] paired values differ in number");
    std::vector<double> differences(a.size());
    std::transform(a.begin(), a.end(), b.begin(), differences.begin(), std::minus<>());
    const double mean = mean_of(differences);
    if (a.size() < 2) return without_test(mean, a.size());
    return contrast_of(mean, std::sqrt(squared_error_of_mean(differences)), static_cast<double>(a.size() - 1),
                       a.size());
}

Contrast welch_contrast(std::span<const double> a, std::span<const double> b) {
    const double mean = mean_of(a) - mean_of(b);
    const std::size_t n = std::min(a.size(), b.size());
    if (n < 2) return without_test(mean, n);
    const double va = squared_error_of_mean(a), vb = squared_error_of_mean(b);
    if (!(va + vb > 0)) return without_test(mean, n);
    const double df =
        (va + vb) * (va + vb) /
        (va * va / static_cast<double>(a.size() - 1) + vb * vb / static_cast<double>(b.size() - 1));
    return contrast_of(mean, std::sqrt(va + vb), df, n);
}

Contrast corrected_resampled_contrast(std::span<const double> differences, int training, int test) {
    require(training > 0 && test > 0, "[contrast] the numbers of training and test persons must be positive");
    const double mean = mean_of(differences);
    const std::size_t n = differences.size();
    if (n < 2) return without_test(mean, n);
    const auto repetitions = static_cast<double>(n);
    const double variance = squared_deviations(differences) / (repetitions - 1);
    return contrast_of(mean, std::sqrt((1 / repetitions + static_cast<double>(test) / training) * variance),
                       repetitions - 1, n);
}

std::vector<double> holm(std::span<const double> p_values) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < p_values.size(); ++i)
        if (!std::isnan(p_values[i])) order.push_back(i);
    std::sort(order.begin(), order.end(),
              [&](std::size_t i, std::size_t j) { return p_values[i] < p_values[j]; });
    std::vector<double> adjusted(p_values.size(), nan);
    double largest = 0.0;
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
        largest = std::max(largest, static_cast<double>(order.size() - rank) * p_values[order[rank]]);
        adjusted[order[rank]] = std::min(1.0, largest);
    }
    return adjusted;
}

PercentileInterval bootstrap_interval(std::span<const double> values, int resamples, std::uint64_t seed) {
    require(!values.empty() && resamples > 0, "[bootstrap] expected values and resamples");
    const std::size_t n = values.size();
    std::vector<double> means;
    for (int r = 0; r < resamples; ++r) {
        const Philox random{seed, static_cast<std::uint64_t>(r)};
        double sum = 0.0;
        for (std::size_t i = 0; i < n; ++i) sum += values[random.below(i, static_cast<std::uint32_t>(n))];
        means.push_back(sum / static_cast<double>(n));
    }
    std::sort(means.begin(), means.end());
    return {percentile(means, alpha / 2), percentile(means, 1 - alpha / 2)};
}

}  // namespace dnsp::statistics
