#include "statistics/interval.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/error.hpp"
#include "statistics/distributions.hpp"

namespace dnsp::statistics {

double mean_of(std::span<const double> values) {
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double squared_deviations(std::span<const double> values) {
    const double mean = mean_of(values);
    double sum = 0.0;
    for (double value : values) sum += (value - mean) * (value - mean);
    return sum;
}

MeanInterval mean_and_interval(std::span<const double> values) {
    MeanInterval result;
    result.n = static_cast<int>(values.size());
    result.mean = mean_of(values);
    result.ci95 = std::numeric_limits<double>::quiet_NaN();
    if (result.n < 2) return result;
    const double standard_error = std::sqrt(squared_deviations(values) / (result.n - 1) / result.n);
    result.ci95 = student_t_quantile(1 - alpha / 2, result.n - 1) * standard_error;
    return result;
}

std::vector<double> comparison_half_widths(const std::vector<int>& counts, double mean_square, double q) {
    const std::size_t k = counts.size();
    require(k >= 2, "[comparison intervals] expected two means or more");
    const auto gamma = [&](std::size_t i, std::size_t j) {
        return q / std::numbers::sqrt2 * std::sqrt(mean_square * (1.0 / counts[i] + 1.0 / counts[j]));
    };
    if (k == 2) return {gamma(0, 1) / 2, gamma(0, 1) / 2};
    std::vector<double> row_sums(k, 0.0);
    double total = 0.0;
    for (std::size_t i = 0; i < k; ++i)
        for (std::size_t j = 0; j < i; ++j) {
            row_sums[i] += gamma(i, j);
            row_sums[j] += gamma(i, j);
            total += gamma(i, j);
        }
    const double others = static_cast<double>(k - 1);
    std::vector<double> half_widths;
    for (double sum : row_sums) half_widths.push_back((others * sum - total) / (others * (others - 1)));
    return half_widths;
}

}  // namespace dnsp::statistics
