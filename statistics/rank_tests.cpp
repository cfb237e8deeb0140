#include "statistics/rank_tests.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "statistics/distributions.hpp"

namespace dnsp::statistics {

std::vector<double> ranks(std::span<const double> values) {
    std::vector<double> out;
    for (const double value : values) {
        const auto smaller = std::count_if(values.begin(), values.end(), [&](double v) { return v < value; });
        const auto equal = std::count(values.begin(), values.end(), value);
        out.push_back(static_cast<double>(smaller) + (static_cast<double>(equal) + 1) / 2);
    }
    return out;
}

Friedman friedman_test(const PersonTable& table) {
    require_table(table);
    const std::size_t methods = table.front().size();
    const auto k = static_cast<double>(methods), persons = static_cast<double>(table.size());
    std::vector<double> rank_sums(methods, 0.0);
    double ties = 0.0;  // Σ (t³ − t) over groups of t equal values, as Σ (t² − 1) over their members
    for (const auto& row : table) {
        const std::vector<double> row_ranks = ranks(row);
        for (std::size_t m = 0; m < methods; ++m) {
            const auto equal = static_cast<double>(std::count(row.begin(), row.end(), row[m]));
            rank_sums[m] += row_ranks[m];
            ties += equal * equal - 1;
        }
    }
    double squares = 0.0;
    for (double sum : rank_sums) squares += std::pow(sum - persons * (k + 1) / 2, 2);
    const double correction = 1 - ties / (persons * k * (k * k - 1));
    Friedman result;
    result.df = k - 1;
    result.chi2 = 12 / (persons * k * (k + 1)) * squares / correction;
    result.p = chi_squared_upper_p(result.chi2, result.df);
    return result;
}

double wilcoxon_p(std::span<const double> differences) {
    std::vector<double> magnitudes;
    for (const double d : differences)
        if (d != 0.0) magnitudes.push_back(std::abs(d));
    if (magnitudes.empty()) return std::numeric_limits<double>::quiet_NaN();
    // Mean ranks are multiples of 1/2, so that twice a rank is an integer.
    std::vector<std::size_t> doubled;
    for (const double rank : ranks(magnitudes)) doubled.push_back(static_cast<std::size_t>(2 * rank + 0.5));
    std::size_t positive = 0, place = 0;
    for (const double d : differences) {
        if (d == 0.0) continue;
        if (d > 0.0) positive += doubled[place];
        ++place;
    }
    const std::size_t total = std::accumulate(doubled.begin(), doubled.end(), std::size_t{0});
    // The probability of each sum of the ranks of positive differences.
    std::vector<double> probability(total + 1, 0.0);
    probability[0] = 1.0;
    for (const std::size_t rank : doubled)
        for (std::size_t sum = total + 1; sum-- > 0;)
            probability[sum] = 0.5 * (probability[sum] + (sum >= rank ? probability[sum - rank] : 0.0));
    const std::size_t smaller = std::min(positive, total - positive);
    double tail = 0.0;
    for (std::size_t sum = 0; sum <= smaller; ++sum) tail += probability[sum];
    return std::min(1.0, 2.0 * tail);
}

double smallest_wilcoxon_p(int pairs) { return std::min(1.0, std::ldexp(2.0, -pairs)); }

}  // namespace dnsp::statistics
