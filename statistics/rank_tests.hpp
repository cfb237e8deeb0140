#pragma once

#include "statistics/repeated_measures.hpp"

// Tests on ranks, without an assumption of normality.
namespace dnsp::statistics {

struct Friedman {
    double chi2 = 0.0, df = 0.0, p = 0.0;
};
/// Friedman's test that the methods have equal ranks within persons, corrected for ties; p from χ² with k − 1
/// degrees of freedom. NaN where every person has one value under all methods.
Friedman friedman_test(const PersonTable& table);

/// The smallest two-sided p that Wilcoxon's signed-rank test can reach with n pairs: 2 / 2ⁿ, at most 1.
double smallest_wilcoxon_p(int pairs);

}  // namespace dnsp::statistics
