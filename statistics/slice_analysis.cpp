#include "statistics/slice_analysis.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "statistics/distributions.hpp"
#include "statistics/interval.hpp"
#include "statistics/studentised_range.hpp"

namespace dnsp::statistics {

SliceAnalysis analyse_slices(const ScoreTable& table, Metric metric) {
    require(table.methods.size() >= 2, "the analysis needs two methods or more");
    SliceAnalysis result;
    Cells values(table.methods.size());
    std::vector<int> counts;
    for (const DatasetScores& dataset : table.datasets)
        for (std::size_t m = 0; m < table.methods.size(); ++m) {
            const std::vector<double> slices = dataset.slice_values(m, metric);
            require(slices.size() >= 2,
                    "data set " + dataset.name() + " has one slice; panel A needs two or more");
            result.cells.push_back({dataset.name(), table.methods[m], static_cast<int>(slices.size()),
                                    mean_of(slices), 0.0, 0.0});
            counts.push_back(static_cast<int>(slices.size()));
            values[m].push_back(slices);
        }
    if (table.datasets.size() > 1) {
        result.two_way = two_way_anova(values);
        result.error = result.two_way->error;
    } else {
        std::vector<std::vector<double>> groups;
        for (const auto& row : values) groups.push_back(row.front());
        result.one_way = one_way_anova(groups);
        result.error = result.one_way->error;
    }
    const ErrorTerm& error = result.error;
    auto& tukey = result.tukey;
    tukey.k = static_cast<int>(counts.size());
    tukey.df = error.df;
    tukey.q = studentised_range_quantile(1 - alpha, tukey.k, error.df);
    const bool balanced = std::equal(counts.begin() + 1, counts.end(), counts.begin());
    tukey.hsd =
        balanced ? tukey.q * std::sqrt(error.ms / counts.front()) : std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> comparison = comparison_half_widths(counts, error.ms, tukey.q);
    const double t = student_t_quantile(1 - alpha / 2, error.df);
    for (std::size_t i = 0; i < counts.size(); ++i) {
        result.cells[i].comparison_half_width = comparison[i];
        result.cells[i].ci95 = t * std::sqrt(error.ms / counts[i]);
    }
    return result;
}

}  // namespace dnsp::statistics
