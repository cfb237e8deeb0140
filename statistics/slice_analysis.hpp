#pragma once

#include <optional>
#include <string>
#include <vector>

#include "statistics/anova.hpp"
#include "statistics/score_table.hpp"

namespace dnsp::statistics {

/// Panel A, the analysis of the paper: slices count as independent observations. They are not: slices of one
/// person are correlated, and methods are paired on a slice. Show it beside the analysis by person only.
struct SliceAnalysis {
    std::optional<TwoWayAnova> two_way;  ///< several data sets: rows are methods, columns data sets
    std::optional<OneWayAnova> one_way;  ///< one data set: groups are methods
    ErrorTerm error;                     ///< of the analysis, with interaction
    /// Tukey's honestly significant difference q·s/√n between two of k means; NaN for unequal counts.
    struct {
        double q = 0.0;
        int k = 0;
        double df = 0.0, hsd = 0.0;
    } tukey;
    struct Cell {
        std::string dataset, method;
        int n = 0;  ///< slices
        double mean = 0.0;
        double comparison_half_width = 0.0;  ///< comparison_half_widths() of all cells
        double ci95 = 0.0;  ///< half-width of the interval of the mean, t·s/√n, s² the error's
    };
    std::vector<Cell> cells;  ///< by data set, then method
};

/// Seeds of a slice are averaged first. Throws Error for fewer than two methods or two slices of a data set.
SliceAnalysis analyse_slices(const ScoreTable& table, Metric metric);

}  // namespace dnsp::statistics
