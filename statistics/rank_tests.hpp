#pragma once

#include <span>
#include <vector>

#include "statistics/repeated_measures.hpp"

// Tests on ranks, without an assumption of normality.
namespace dnsp::statistics {

/// The rank of each value, 1 for the smallest; equal values have the mean of their ranks.
std::vector<double> ranks(std::span<const double> values);

struct Friedman {
    double chi2 = 0.0, df = 0.0, p = 0.0;
};
/// Friedman's test that the methods have equal ranks within persons, corrected for ties; p from χ² with k − 1
/// degrees of freedom. NaN where every person has one value under all methods.
Friedman friedman_test(const PersonTable& table);

/// Wilcoxon's signed-rank test that paired differences are symmetric around 0: two-sided p from the exact
/// distribution over all signs. Differences of 0 are dropped. Equal magnitudes have the mean of their ranks,
/// and the distribution is that of these ranks. NaN without a difference other than 0.
double wilcoxon_p(std::span<const double> differences);

/// The smallest two-sided p that Wilcoxon's signed-rank test can reach with n pairs: 2 / 2ⁿ, at most 1.
double smallest_wilcoxon_p(int pairs);

}  // namespace dnsp::statistics
