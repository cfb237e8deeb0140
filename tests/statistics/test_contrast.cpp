// Differences between two methods. Expected values: SciPy 1.17 and statsmodels 0.15.
#include "statistics/contrast.hpp"

#include <limits>

#include "base/error.hpp"
#include "statistics/interval.hpp"
#include "tests/statistics/close.hpp"
#include "tests/statistics/worked_data.hpp"

using namespace dnsp;
using namespace dnsp::statistics;
using testing::check_close;

TEST_CASE("paired contrasts of the worked data set equal SciPy's") {
    const struct {
        int dataset;
        std::size_t a, b;
        double mean, half_width, p;
    } rows[] = {{0, 1, 0, 0.6925375, 0.3588877706, 0.0086847}, {0, 2, 0, 1.377175, 0.2865537291, 0.0006070},
                {0, 2, 1, 0.6846375, 0.1013074098, 0.0002200}, {1, 1, 0, 0.836175, 0.1985286523, -1},
                {1, 2, 0, 1.6893375, 0.5915373314, -1},        {1, 2, 1, 0.8531625, 0.3985600627, -1}};
    for (const auto& row : rows) {
        INFO("data set " << row.dataset << ", method " << row.a << " − " << row.b);
        const auto table = testing::worked_table(row.dataset);
        const auto result = paired_contrast(testing::column(table, row.a), testing::column(table, row.b));
        check_close(result.mean, row.mean, 1e-10);
        check_close(result.ci95, row.half_width, 1e-10);
        CHECK((result.df == 3 && result.n == 4));
        if (row.p >= 0) check_close(result.p, row.p, 6e-8);
    }
}

TEST_CASE("paired and unpaired t tests equal SciPy's") {
    const std::vector<double> a{1.353, 0.879, 0.803, -0.114, 0.988, 0.556}, b{0.466, 0.261, -0.01, 0.267};
    const std::span<const double> values(a);
    const auto paired = paired_contrast(values.first(5), values.last(5));  // ttest_rel(a[:5], a[1:])
    check_close(paired.t, 0.46548060994326124, 1e-12);
    check_close(paired.p, 0.6658012648975463, 1e-12);
    check_close(paired.ci95, (1.1101707524540578 + 0.7913707524540578) / 2, 1e-12);
    const auto welch = welch_contrast(a, b);  // ttest_ind(a, b, equal_var=False)
    check_close(welch.mean, 0.49816666666666665, 1e-12);
    check_close(welch.t, 2.220379891605733, 1e-12);
    check_close(welch.df, 6.9779598349248, 1e-12);
    check_close(welch.p, 0.06196175033209576, 1e-12);
    check_close(welch.ci95, 0.5308693597395766, 1e-12);
    CHECK(welch.n == 4);
}

TEST_CASE("one value has no interval") {
    const std::vector<double> one{2.0}, other{1.5}, two{1.0, 2.0};
    const auto paired = paired_contrast(one, other);
    CHECK((paired.mean == 0.5 && std::isnan(paired.ci95) && std::isnan(paired.p) && paired.n == 1));
    CHECK(std::isnan(welch_contrast(one, two).ci95));
    CHECK(std::isnan(welch_contrast(two, one).ci95));
    CHECK(std::isnan(welch_contrast(std::vector<double>{1, 1}, std::vector<double>{2, 2}).ci95));
    CHECK_THROWS_AS(paired_contrast(one, two), Error);
    const MeanInterval single = mean_and_interval(one), none = mean_and_interval({});
    CHECK((single.mean == 2.0 && single.n == 1 && std::isnan(single.ci95)));
    CHECK((std::isnan(none.mean) && none.n == 0));
}

TEST_CASE("equal differences have p = 0, or no p where they are 0") {
    const std::vector<double> a{1, 2, 3}, b{0, 1, 2};
    CHECK((paired_contrast(a, b).p == 0.0 && paired_contrast(a, b).ci95 == 0.0));
    CHECK(std::isnan(paired_contrast(a, a).p));
}

TEST_CASE("Holm's adjustment equals statsmodels'") {
    // statsmodels.stats.multitest.multipletests([.012, .3, .0004, .02, .04], method="holm")[1]
    const std::vector<double> adjusted = holm(std::vector<double>{0.012, 0.3, 0.0004, 0.02, 0.04});
    const double expected[] = {0.048, 0.3, 0.002, 0.06, 0.08};
    for (std::size_t i = 0; i < 5; ++i) check_close(adjusted[i], expected[i], 1e-12);
    const auto with_nan = holm(std::vector<double>{0.6, std::numeric_limits<double>::quiet_NaN(), 0.7});
    CHECK((with_nan[0] == 1.0 && std::isnan(with_nan[1]) && with_nan[2] == 1.0));
}

TEST_CASE("the corrected t of repeated splits is Nadeau and Bengio's") {
    const std::vector<double> d{0.31, 0.12, 0.45, 0.27, 0.20};
    const auto result = corrected_resampled_contrast(d, 5, 10);
    check_close(result.t, 1.4692585742711497, 1e-12);  // d.mean() / sqrt((1/5 + 2) * d.var(ddof=1))
    check_close(result.ci95, 0.5102166436396505, 1e-12);
    check_close(result.p, 0.21569581366047486, 1e-12);
    CHECK((result.df == 4 && result.n == 5));
    const auto naive = paired_contrast(d, std::vector<double>(5, 0.0));
    check_close(naive.t, 4.8730, 5e-5);
    CHECK_THROWS_AS(corrected_resampled_contrast(d, 0, 10), Error);
    CHECK_THROWS_AS(corrected_resampled_contrast(d, 10, 0), Error);
    const auto one = corrected_resampled_contrast(std::vector<double>{0.4}, 1, 1);
    CHECK((one.mean == 0.4 && one.n == 1 && std::isnan(one.ci95)));
    // d of two values .2 apart: variance .02, t = mean / √((1/2 + 1) · .02)
    check_close(corrected_resampled_contrast(std::vector<double>{0.3, 0.5}, 1, 1).t, 0.4 / std::sqrt(0.03),
                1e-12);
}

TEST_CASE("the bootstrap interval approaches that of all possible samples") {
    // numpy.percentile([numpy.mean(c) for c in itertools.product(v, repeat=5)], [2.5, 97.5])
    const std::vector<double> values{0.4, -0.1, 0.9, 0.25, 1.3};
    const auto interval = bootstrap_interval(values, 10000, 1);
    check_close(interval.low, 0.14, 0.03);
    check_close(interval.high, 1.01, 0.03);
    const auto again = bootstrap_interval(values, 10000, 1), other = bootstrap_interval(values, 101, 2);
    CHECK((again.low == interval.low && again.high == interval.high));
    CHECK((other.low != interval.low || other.high != interval.high));
    CHECK(bootstrap_interval(std::vector<double>{3.0}, 10, 1).low == 3.0);
    CHECK_THROWS_AS(bootstrap_interval({}, 10, 1), Error);
    CHECK_THROWS_AS(bootstrap_interval(values, 0, 1), Error);
}
