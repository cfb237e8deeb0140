// Analysis of variance with independent observations. Expected values: statsmodels 0.15, SciPy 1.17.
#include "base/error.hpp"
#include "statistics/anova.hpp"
#include "statistics/distributions.hpp"
#include "statistics/interval.hpp"
#include "statistics/studentised_range.hpp"
#include "tests/statistics/close.hpp"
#include "tests/statistics/worked_data.hpp"

using namespace dnsp;
using namespace dnsp::statistics;
using testing::check_close;

TEST_CASE("the worked data set starts with its published values") {
    CHECK(testing::worked_value(0, 0, 0, 0) == 30.6005);
    CHECK(testing::worked_value(1, 0, 0, 0) == 31.1087);
    CHECK(testing::worked_value(2, 0, 0, 0) == 31.8917);
}

TEST_CASE("two-way analysis of the worked data set equals statsmodels'") {
    const auto result = two_way_anova(testing::worked_cells());
    check_close(result.rows.ss, 18.807053, 1e-7);
    check_close(result.columns.ss, 15.205843, 1e-7);
    check_close(result.interaction.ss, 0.195304, 1e-6);
    check_close(result.error.ss, 22.119370, 1e-7);
    CHECK((result.rows.df == 2 && result.columns.df == 1 && result.interaction.df == 2 &&
           result.error.df == 42));
    check_close(result.rows.f, 17.855306, 1e-7);
    check_close(result.columns.f, 28.872676, 1e-7);
    check_close(result.interaction.f, 0.185420, 1e-6);
    check_close(result.additive.error.ss, 22.314674, 1e-7);
    CHECK(result.additive.error.df == 44);
    check_close(result.additive.rows.f, 18.541842, 1e-7);
    check_close(result.additive.columns.f, 29.982831, 1e-7);
}

TEST_CASE("one-way analysis of the worked data set equals statsmodels'") {
    std::vector<std::vector<double>> groups;
    for (const auto& method : testing::worked_cells()) {
        groups.push_back(method[0]);
        groups.back().insert(groups.back().end(), method[1].begin(), method[1].end());
    }
    const auto result = one_way_anova(groups);
    check_close(result.error.ss, 37.520517, 1e-7);
    CHECK((result.error.df == 45 && result.groups.df == 2));
    check_close(result.groups.f, 11.278061, 1e-7);
}

TEST_CASE("comparison intervals of the worked data set equal SciPy's") {
    const auto error = two_way_anova(testing::worked_cells()).error;
    check_close(error.ms, 0.5266516674, 1e-9);
    const double q = studentised_range_quantile(0.95, 6, error.df);
    check_close(q, 4.221779376178, 1e-11);
    check_close(q * std::sqrt(error.ms / 8), 1.083209031, 1e-9);
    for (double width : comparison_half_widths(std::vector<int>(6, 8), error.ms, q))
        check_close(width, 0.541604516, 1e-9);
    check_close(student_t_quantile(0.975, error.df) * std::sqrt(error.ms / 8), 0.517792175, 1e-9);
}

TEST_CASE("comparison intervals have the width that the paper's Fig. 10 implies") {
    const double s = 1.0491, q = studentised_range_quantile(0.95, 16, 6384);
    check_close(comparison_half_widths(std::vector<int>(16, 400), s * s, q)[7], 0.1271, 5e-5);
    check_close(student_t_quantile(0.975, 6384) * s / 20, 0.1028, 5e-5);
}

TEST_CASE("two means differ just when their comparison intervals are disjoint") {
    const double q = studentised_range_quantile(0.95, 2, 9);
    const auto widths = comparison_half_widths({4, 7}, 0.8, q);
    const double least_significant = student_t_quantile(0.975, 9) * std::sqrt(0.8 * (1.0 / 4 + 1.0 / 7));
    check_close(widths[0] + widths[1], least_significant, 1e-9);
    CHECK_THROWS_AS(comparison_half_widths({4}, 0.8, q), Error);
}

namespace {

/// numpy.random.default_rng(7): np.round(30 + .5 i − .8 j + .3 i j + rng.normal(0, .6, n), 3).
const Cells unequal{{{30.001, 30.179, 29.836}, {28.666, 28.927, 28.605, 29.236, 30.004}},
                    {{30.205, 30.128, 30.794, 30.714}, {30.063, 29.442}},
                    {{30.982, 31.417}, {29.993, 30.525, 29.659, 30.026, 29.695, 30.659}}};

}  // namespace

TEST_CASE("two-way analysis with unequal counts equals statsmodels' type II") {
    // anova_lm(ols("y ~ C(a)*C(b)", d).fit(), typ=2); anova_lm(ols("y ~ C(a)+C(b)", d).fit(), typ=2)
    const auto result = two_way_anova(unequal);
    check_close(result.rows.ss, 4.37895624491, 1e-11);
    check_close(result.columns.ss, 3.97180449705, 1e-11);
    check_close(result.interaction.ss, 0.112331886283, 1e-11);
    check_close(result.error.ss, 2.86408845, 1e-11);
    CHECK(result.error.df == 16);
    check_close(result.rows.f, 12.2313436093, 1e-10);
    check_close(result.columns.f, 22.1881666932, 1e-10);
    check_close(result.interaction.f, 0.313766528497, 1e-10);
    check_close(result.rows.p, 0.000597753442987, 1e-13);
    check_close(result.columns.p, 0.000235757428497, 1e-13);
    check_close(result.interaction.p, 0.735084561879, 1e-10);
    check_close(result.additive.rows.f, 13.2409410471, 1e-10);
    check_close(result.additive.columns.f, 24.0196184912, 1e-10);
    check_close(result.additive.rows.p, 0.000290940482328, 1e-13);
    check_close(result.additive.error.ss, 2.97642033628, 1e-10);
}

TEST_CASE("two-way analysis of two levels each equals its contrasts") {
    // With n values in each cell, a contrast of cell means c of one degree of freedom has the sum of squares
    // n c² / Σ weights².
    const auto result = two_way_anova({{{1, 3}, {4, 8}}, {{2, 2}, {9, 11}}});  // means 2, 6, 2, 10
    check_close(result.rows.ss, 2 * std::pow(2 + 6 - 2 - 10, 2) / 4, 1e-12);
    check_close(result.columns.ss, 2 * std::pow(2 - 6 + 2 - 10, 2) / 4, 1e-12);
    check_close(result.interaction.ss, 2 * std::pow(2 - 6 - 2 + 10, 2) / 4, 1e-12);
    check_close(result.error.ss, 2 + 8 + 0 + 2, 1e-12);
    CHECK((result.rows.df == 1 && result.columns.df == 1 && result.interaction.df == 1 &&
           result.error.df == 4));
}

TEST_CASE("one-way analysis with unequal counts equals statsmodels'") {
    std::vector<std::vector<double>> groups;  // anova_lm(ols("y ~ C(a)", d).fit())
    for (const auto& row : unequal) {
        groups.push_back(row[0]);
        groups.back().insert(groups.back().end(), row[1].begin(), row[1].end());
    }
    const auto result = one_way_anova(groups);
    check_close(result.groups.ss, 3.97475298485, 1e-11);
    check_close(result.groups.f, 5.4345036699, 1e-10);
    check_close(result.groups.p, 0.0136007139898, 1e-11);
    check_close(result.error.ss, 6.94822483333, 1e-11);
}

TEST_CASE("comparison intervals with unequal counts equal statsmodels'") {
    // statsmodels.sandbox.stats.multicomp.simultaneous_ci(q, mse, counts)
    const double q = studentised_range_quantile(0.95, 6, 16);
    check_close(q, 4.556808887964773, 1e-10);
    const auto widths = comparison_half_widths({3, 5, 4, 2, 2, 6}, 0.17900552812500006, q);
    const double expected[] = {0.55535305179831, 0.43711034978144, 0.48215378457419,
                               0.69343263525182, 0.69343263525182, 0.406832313447};
    for (std::size_t i = 0; i < 6; ++i) check_close(widths[i], expected[i], 1e-10);
}

TEST_CASE("an analysis without variance in the error has an infinite F and p = 0") {
    const auto result = one_way_anova({{1, 1}, {2, 2}});
    CHECK((std::isinf(result.groups.f) && result.groups.p == 0.0));
    const auto constant = one_way_anova({{1, 1}, {1, 1}});
    CHECK((std::isnan(constant.groups.f) && std::isnan(constant.groups.p)));
}

TEST_CASE("designs without an error or with an empty cell are refused") {
    CHECK_THROWS_AS(one_way_anova({{1, 2, 3}}), Error);
    CHECK_THROWS_WITH(one_way_anova({{1}, {2}}), ContainsSubstring("two observations in a cell"));
    CHECK_THROWS_AS(one_way_anova({{1, 2}, {}}), Error);
    CHECK_THROWS_WITH(two_way_anova({{{1, 2}, {3, 4}}}), ContainsSubstring("two levels or more"));
    CHECK_THROWS_WITH(two_way_anova({{{1, 2}}, {{3, 4}}}), ContainsSubstring("two levels or more"));
    CHECK_THROWS_AS(two_way_anova({{{1, 2}}, {{3}}}), Error);
    CHECK_THROWS_WITH(two_way_anova({{{1}, {2}}, {{3}, {4}}}),
                      ContainsSubstring("two observations in a cell"));
    CHECK_THROWS_AS(two_way_anova({{{1, 2}, {2}}, {{3}, {}}}), Error);
    CHECK_THROWS_AS(two_way_anova({{{1, 2}, {2}}, {{3}}}), Error);
}
