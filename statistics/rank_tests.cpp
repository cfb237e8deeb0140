#include "statistics/rank_tests.hpp"

#include <algorithm>
#include <cmath>

#include "statistics/distributions.hpp"

namespace dnsp::statistics {

Friedman friedman_test(const PersonTable& table) {
    require_table(table);
    const std::size_t methods = table.front().size();
    const auto k = static_cast<double>(methods), persons = static_cast<double>(table.size());
    std::vector<double> rank_sums(methods, 0.0);
    double ties = 0.0;  // Σ (t³ − t) over groups of t equal values, as Σ (t² − 1) over their members
    for (const auto& row : table)
        for (std::size_t m = 0; m < methods; ++m) {
            const auto smaller = std::count_if(row.begin(), row.end(), [&](double v) { return v < row[m]; });
            const auto equal = static_cast<double>(std::count(row.begin(), row.end(), row[m]));
            rank_sums[m] += static_cast<double>(smaller) + (equal + 1) / 2;
            ties += equal * equal - 1;
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

double smallest_wilcoxon_p(int pairs) { return std::min(1.0, std::ldexp(2.0, -pairs)); }

}  // namespace dnsp::statistics
