#include "statistics/anova.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <functional>

#include "base/error.hpp"
#include "statistics/distributions.hpp"
#include "statistics/interval.hpp"

namespace dnsp::statistics {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Cell means, their counts and the sum of squares within cells.
struct CellMeans {
    VectorXd means, counts;
    double within = 0.0;
    void add(const std::vector<double>& values) {
        require(!values.empty(), "[anova] a cell has no observation");
        const Index i = means.size();
        means.conservativeResize(i + 1);
        counts.conservativeResize(i + 1);
        means[i] = mean_of(values);
        counts[i] = static_cast<double>(values.size());
        within += squared_deviations(values);
    }
    double error_df() const { return counts.sum() - static_cast<double>(counts.size()); }
    /// The least-squares fit of the observations, which is that of the means with the counts as weights.
    VectorXd fit(const MatrixXd& design) const {
        const VectorXd root = counts.cwiseSqrt();
        return design * (root.asDiagonal() * design).colPivHouseholderQr().solve(root.cwiseProduct(means));
    }
    /// The sum of squares between the fits of two nested models.
    double between(const VectorXd& a, const VectorXd& b) const {
        return (counts.array() * (a - b).array().square()).sum();
    }
};

/// Indicator columns of a factor's levels, one of which may be left out.
MatrixXd indicators(Index cells, Index levels, Index first_level,
                    const std::function<Index(Index)>& level_of) {
    MatrixXd design = MatrixXd::Zero(cells, levels - first_level);
    for (Index i = 0; i < cells; ++i)
        if (level_of(i) >= first_level) design(i, level_of(i) - first_level) = 1.0;
    return design;
}

}  // namespace

ErrorTerm error_of(double ss, double df) { return {ss, df, ss / df}; }

Effect effect_of(double ss, double df, const ErrorTerm& error) {
    const double f = ss / df / error.ms;
    return {ss, df, f, f_upper_p(f, df, error.df)};
}

OneWayAnova one_way_anova(const std::vector<std::vector<double>>& groups) {
    require(groups.size() >= 2, "[anova] expected two groups or more");
    CellMeans cells;
    for (const auto& group : groups) cells.add(group);
    require(cells.error_df() > 0, "[anova] expected two observations in a cell");
    OneWayAnova result;
    result.error = error_of(cells.within, cells.error_df());
    const double mean = cells.counts.dot(cells.means) / cells.counts.sum();
    result.groups = effect_of(cells.between(cells.means, VectorXd::Constant(cells.means.size(), mean)),
                              static_cast<double>(groups.size() - 1), result.error);
    return result;
}

TwoWayAnova two_way_anova(const Cells& observations) {
    const auto rows = static_cast<Index>(observations.size());
    require(rows >= 2 && observations.front().size() >= 2,
            "[anova] expected two levels or more of both factors");
    const auto columns = static_cast<Index>(observations.front().size());
    CellMeans cells;
    for (const auto& row : observations) {
        require(static_cast<Index>(row.size()) == columns,
                "[anova] the rows differ in their number of cells");
        for (const auto& cell : row) cells.add(cell);
    }
    require(cells.error_df() > 0, "[anova] expected two observations in a cell");

    const Index count = rows * columns;
    const auto row_of = [columns](Index i) { return i / columns; };
    const auto column_of = [columns](Index i) { return i % columns; };
    MatrixXd additive_design(count, rows + columns - 1);
    additive_design << indicators(count, rows, 0, row_of), indicators(count, columns, 1, column_of);
    const VectorXd additive = cells.fit(additive_design);
    const double row_ss = cells.between(additive, cells.fit(indicators(count, columns, 0, column_of)));
    const double column_ss = cells.between(additive, cells.fit(indicators(count, rows, 0, row_of)));
    const double interaction_ss = cells.between(cells.means, additive);
    const auto row_df = static_cast<double>(rows - 1), column_df = static_cast<double>(columns - 1);

    TwoWayAnova result;
    result.error = error_of(cells.within, cells.error_df());
    result.rows = effect_of(row_ss, row_df, result.error);
    result.columns = effect_of(column_ss, column_df, result.error);
    result.interaction = effect_of(interaction_ss, row_df * column_df, result.error);
    auto& simple = result.additive;
    simple.error = error_of(cells.within + interaction_ss, cells.error_df() + row_df * column_df);
    simple.rows = effect_of(row_ss, row_df, simple.error);
    simple.columns = effect_of(column_ss, column_df, simple.error);
    return result;
}

}  // namespace dnsp::statistics
