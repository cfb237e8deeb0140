// Analyses by person. Expected values: statsmodels 0.15 (AnovaRM), pingouin 0.6 (Greenhouse–Geisser),
// SciPy 1.17.
#include "statistics/repeated_measures.hpp"

#include "base/error.hpp"
#include "statistics/rank_tests.hpp"
#include "tests/statistics/close.hpp"
#include "tests/statistics/worked_data.hpp"

using namespace dnsp;
using namespace dnsp::statistics;
using testing::check_close;

namespace {

/// numpy.random.default_rng(7), after the numbers of test_anova.cpp: np.round(30 + shift + rng.normal(0, 1,
/// (S, 1)) + np.arange(4)*.3 + rng.normal(0, .35, (S, 4))*(1 + .5*np.arange(4)), 3), S = 5, shift 0 and S =
/// 7, shift 1.
const PersonTable five_persons{{28.544, 29.007, 29.412, 28.294},
                               {30.104, 30.058, 30.305, 32.1},
                               {29.874, 30.44, 31.376, 30.546},
                               {29.774, 30.171, 30.458, 29.641},
                               {27.51, 28.497, 27.0, 29.135}};
const PersonTable seven_persons{{31.053, 31.778, 31.673, 32.603}, {30.862, 30.304, 31.101, 30.853},
                                {33.045, 32.677, 33.195, 33.729}, {32.077, 32.664, 31.436, 31.967},
                                {30.027, 29.055, 30.076, 30.616}, {31.514, 31.736, 31.445, 31.652},
                                {31.489, 32.677, 31.877, 32.211}};

}  // namespace

TEST_CASE("repeated-measures analysis of the worked data set equals statsmodels'") {
    const auto first = repeated_measures_anova(testing::worked_table(0)).method;
    check_close(first.f, 130.273821, 1e-8);
    CHECK((first.df1 == 2 && first.df2 == 6));
    check_close(first.p, 1.1e-5, 5e-7);
    check_close(first.epsilon, 0.5334371161, 1e-9);
    check_close(first.p_gg, 0.0010389079, 1e-9);
    const auto second = repeated_measures_anova(testing::worked_table(1)).method;
    check_close(second.f, 79.092918, 1e-8);
    check_close(second.p, 4.9e-5, 5e-7);
    check_close(second.epsilon, 0.5051563680, 1e-9);
    check_close(second.p_gg, 0.0028710823, 1e-9);
}

TEST_CASE("repeated-measures analysis equals AnovaRM's and pingouin's") {
    // AnovaRM(d, "y", "s", within=["m"]).fit(); pingouin.rm_anova(d, dv="y", within="m", subject="s",
    // correction=True)
    const auto five = repeated_measures_anova(five_persons);
    check_close(five.method.f, 1.02035424801, 1e-10);
    check_close(five.error.ss, 6.3324619, 1e-10);
    CHECK((five.method.df1 == 3 && five.method.df2 == 12));
    check_close(five.method.p, 0.417908941705, 1e-10);
    check_close(five.method.epsilon, 0.484381925349, 1e-10);
    check_close(five.method.p_gg, 0.388805039114, 1e-10);
    const auto seven = repeated_measures_anova(seven_persons);
    check_close(seven.method.f, 1.60864783381, 1e-10);
    check_close(seven.method.p, 0.222387760731, 1e-10);
    check_close(seven.method.epsilon, 0.609424239917, 1e-10);
    check_close(seven.method.p_gg, 0.243314693725, 1e-10);
}

TEST_CASE("split-plot analysis of the worked data set equals statsmodels'") {
    const auto result = split_plot_anova({testing::worked_table(0), testing::worked_table(1)});
    check_close(result.method.f, 185.684805, 1e-8);
    CHECK((result.method.df1 == 2 && result.method.df2 == 12));
    check_close(result.interaction.f, 1.928263, 1e-6);
    check_close(result.within_error.ms, 0.025321206, 1e-9);
    check_close(result.dataset.f, 4.515740, 1e-6);
    CHECK((result.dataset.df == 1 && result.between_error.df == 6));
}

TEST_CASE("split-plot analysis with unequal numbers of persons equals nested least squares") {
    // Residual sums of ols("y ~ C(s)"), ols("y ~ C(s) + C(m)") and ols("y ~ C(s) + C(m)*C(g)"), g the data
    // set: type II. Data set: anova_lm(ols("y ~ C(g)")) of the persons' means. ε: (tr D)² / (3 tr D²), D the
    // double-centred sum of (S_g − 1) numpy.cov of both tables.
    const auto result = split_plot_anova({five_persons, seven_persons});
    check_close(result.method.f, 2.286459344510457, 1e-10);
    check_close(result.interaction.f, 0.314214154941718, 1e-10);
    check_close(result.within_error.ms, 0.3417849847619052, 1e-11);
    CHECK(result.within_error.df == 30);
    check_close(result.dataset.f, 10.211711666, 1e-9);
    check_close(result.dataset.p, 0.00956320169743, 1e-11);
    check_close(result.method.epsilon, 0.7577028581265459, 1e-11);
    check_close(result.method.p, 0.09887714759249125, 1e-11);
    check_close(result.method.p_gg, 0.11901524459223796, 1e-10);
    check_close(result.interaction.p, 0.8149549186944248, 1e-10);
    check_close(result.interaction.p_gg, 0.7602082853455716, 1e-10);
}

TEST_CASE("two methods have epsilon 1 and the square of the paired t as F") {
    PersonTable two;
    for (const auto& row : five_persons) two.push_back({row[0], row[1]});
    const auto result = repeated_measures_anova(two).method;
    check_close(result.epsilon, 1.0, 1e-12);
    check_close(result.p_gg, result.p, 1e-12);
    double sum = 0, squares = 0;
    for (const auto& row : two) sum += row[1] - row[0];
    for (const auto& row : two) squares += std::pow(row[1] - row[0] - sum / 5, 2);
    check_close(result.f, std::pow(sum / 5, 2) / (squares / 4 / 5), 1e-9);
}

TEST_CASE("methods with the same effect on every person leave epsilon undefined") {
    const auto result = repeated_measures_anova({{1, 2, 4}, {2, 3, 5}, {4, 5, 7}}).method;
    CHECK(result.p < 1e-12);
    CHECK((std::isnan(result.epsilon) || result.epsilon > 0));
    const auto constant = repeated_measures_anova({{1, 1}, {2, 2}}).method;
    CHECK((std::isnan(constant.f) && std::isnan(constant.epsilon) && std::isnan(constant.p_gg)));
}

TEST_CASE("ranks of equal values are the mean of their places") {
    CHECK(ranks(std::vector<double>{3, 1, 2, 2, 5, 1, 1}) ==
          std::vector<double>{6, 2, 4.5, 4.5, 7, 2, 2});  // rankdata
}

TEST_CASE("Wilcoxon's signed-rank test equals SciPy's exact one") {
    // scipy.stats.wilcoxon(d, method="exact")
    CHECK(wilcoxon_p(std::vector<double>{0.31, -0.12, 0.45, 0.27, 0.20, 0.05, -0.33}) == 0.375);
    CHECK(wilcoxon_p(std::vector<double>{0.31, 0.12, 0.45, 0.27, 0.20, 0.05}) == 0.03125);
    testing::check_close(wilcoxon_p(std::vector<double>{
                             2.341, -2.256, 0.718, -0.268, -0.153, 0.084,  -1.72, 0.068, -0.565, 3.623,
                             0.526, -0.053, 0.019, -0.368, -0.755, -0.091, 0.782, 0.061, 1.258,  0.1,
                             0.324, 1.846,  0.845, -0.205, 0.117,  0.841,  2.235, 0.03,  0.056,  1.302}),
                         0.09610157273709774, 1e-12);
    // With ties and a 0: the share of all 2⁷ signs with a sum of rankdata's ranks at least as extreme.
    CHECK(wilcoxon_p(std::vector<double>{1, -1, 2, 2, 3, -2, 4, 0}) == 0.203125);
    CHECK(wilcoxon_p(std::vector<double>{2, -2}) == 1.0);
    CHECK(std::isnan(wilcoxon_p(std::vector<double>{0, 0})));
}

TEST_CASE("Friedman's test equals SciPy's, with and without ties") {
    const auto worked = friedman_test(testing::worked_table(0));
    check_close(worked.chi2, 8, 1e-12);
    check_close(worked.p, 0.018316, 1e-6);
    check_close(friedman_test(seven_persons).chi2, 3.0, 1e-12);
    check_close(friedman_test(seven_persons).p, 0.3916251762710877, 1e-12);
    const auto ties = friedman_test({{1, 2, 2, 3}, {4, 4, 4, 5}, {1, 3, 2, 2}, {2, 2, 1, 1.5}, {5, 7, 6, 6}});
    check_close(ties.chi2, 5.5, 1e-12);
    check_close(ties.p, 0.13863861738241579, 1e-11);
    CHECK(std::isnan(friedman_test({{1, 1}, {2, 2}}).p));
}

TEST_CASE("six persons allow no Wilcoxon p below .031") {
    CHECK(smallest_wilcoxon_p(6) == 0.03125);
    CHECK(smallest_wilcoxon_p(1) == 1.0);
}

TEST_CASE("incomplete tables are refused") {
    CHECK_THROWS_AS(repeated_measures_anova({}), Error);
    CHECK_THROWS_AS(repeated_measures_anova({{1, 2}}), Error);
    CHECK_THROWS_AS(repeated_measures_anova({{1}, {2}}), Error);
    CHECK_THROWS_AS(friedman_test({{1, 2}, {2}}), Error);
    CHECK_THROWS_AS(split_plot_anova({five_persons}), Error);
    CHECK_THROWS_AS(split_plot_anova({five_persons, {}}), Error);
    CHECK_THROWS_AS(split_plot_anova({five_persons, {{1, 2}, {3, 5}}}), Error);
}
