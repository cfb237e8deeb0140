#pragma once

#include <vector>

#include "statistics/anova.hpp"

// Analysis of variance where every person is measured under every method.
namespace dnsp::statistics {

/// One value for each person (row) and method (column).
using PersonTable = std::vector<std::vector<double>>;

/// Throws Error unless the rows have one length of at least two, and there are at least two rows.
void require_table(const PersonTable& table);

/// A tested effect whose degrees of freedom are multiplied by the Greenhouse–Geisser ε in a second test.
struct SphericityEffect {
    double f = 0.0, df1 = 0.0, df2 = 0.0, p = 0.0;
    double epsilon =
        0.0;  ///< tr(S̃)² / ((k−1) tr(S̃²)), S̃ the double-centred covariance of the methods over persons
    double p_gg = 0.0;  ///< P(F ≥ f) with ε·df1 and ε·df2 degrees of freedom
};

struct RepeatedMeasuresAnova {
    SphericityEffect method;
    ErrorTerm error;  ///< person × method
};
/// Method tested against person × method, degrees of freedom k−1 and (k−1)(S−1). Epsilon and p_gg are NaN
/// where persons do not differ in the effects of the methods.
RepeatedMeasuresAnova repeated_measures_anova(const PersonTable& table);

struct SplitPlotAnova {
    SphericityEffect method, interaction;  ///< against person × method within data sets
    ErrorTerm within_error;
    Effect dataset;  ///< against persons within data sets
    ErrorTerm between_error;
};
/// Persons are nested in data sets: tables of two or more data sets with the same methods. Methods are
/// averaged with the persons as weights (sums of squares of type II). ε is that of the covariance pooled
/// within data sets.
SplitPlotAnova split_plot_anova(const std::vector<PersonTable>& datasets);

}  // namespace dnsp::statistics
