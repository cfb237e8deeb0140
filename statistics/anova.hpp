#pragma once

#include <vector>

// Analysis of variance with fixed effects and independent observations.
namespace dnsp::statistics {

/// A tested effect. F = (ss / df) / (ss_error / df_error); p = P(F ≥ f). f is infinite or NaN without error
/// variance.
struct Effect {
    double ss = 0.0, df = 0.0, f = 0.0, p = 0.0;
};
/// The error of an analysis; ms = ss / df.
struct ErrorTerm {
    double ss = 0.0, df = 0.0, ms = 0.0;
};

/// The tested effect of a sum of squares.
Effect effect_of(double ss, double df, const ErrorTerm& error);
ErrorTerm error_of(double ss, double df);

struct OneWayAnova {
    Effect groups;
    ErrorTerm error;
};
/// One-way analysis of two or more groups, each of one or more observations, with more observations than
/// groups. Throws Error for others.
OneWayAnova one_way_anova(const std::vector<std::vector<double>>& groups);

/// Observations by row factor, column factor and replicate.
using Cells = std::vector<std::vector<std::vector<double>>>;

struct TwoWayAnova {
    Effect rows, columns, interaction;
    ErrorTerm error;
    /// The model without interaction, whose sum of squares belongs to the error.
    struct {
        Effect rows, columns;
        ErrorTerm error;
    } additive;
};
/// Two-way analysis with interaction. The sums of squares are of type II: a factor is adjusted for the other
/// one, by least squares. For equal numbers of replicates they equal the textbook's. Throws Error unless
/// there are two or more rows and columns, every cell has an observation, and one has two.
TwoWayAnova two_way_anova(const Cells& cells);

}  // namespace dnsp::statistics
