// Expected values: SciPy 1.17 (scipy.stats.t, f, chi2, studentized_range).
#include <limits>

#include "base/error.hpp"
#include "statistics/distributions.hpp"
#include "statistics/studentised_range.hpp"
#include "tests/statistics/close.hpp"

using namespace dnsp;
using namespace dnsp::statistics;
using testing::check_close;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("quantiles of the studentised range equal SciPy's") {
    const struct {
        int k;
        double df, q;
    } rows[] = {{2, 10, 3.1510641833},   {3, 10, 3.8767767500},    {5, 60, 3.9774182216},
                {8, 6384, 4.2877388166}, {16, 6384, 4.8471109403}, {8, 35, 4.5550218363},
                {16, 30, 5.2712538933},  {3, 2, 8.3307826456},     {5, infinity, 3.857655510378623}};
    for (const auto& row : rows) {
        INFO("k " << row.k << ", df " << row.df);
        check_close(studentised_range_quantile(0.95, row.k, row.df), row.q, 2e-10);
    }
    check_close(studentised_range_quantile(0.99, 4, 1.5), 42.4229374817339, 1e-9);
    check_close(studentised_range_quantile(0.95, 16, 1), 56.320243006544715, 1e-9);
    check_close(studentised_range_quantile(0.99, 64, 4), 17.62503027, 1e-9);
    check_close(studentised_range_quantile(0.9, 12, 7.5), 5.440025438357937, 2e-10);
}

TEST_CASE("probabilities of the studentised range equal SciPy's") {
    check_close(studentised_range_cdf(3.5, 3, 20), 0.944108150918, 1e-12);
    check_close(studentised_range_cdf(5, 8, 7), 0.902351174541, 1e-12);
    check_close(studentised_range_cdf(2, 4, 30000), 0.5096199412792294, 2e-5);  // computed for ν = ∞
    CHECK(studentised_range_cdf(0, 3, 20) == 0.0);
    CHECK(studentised_range_cdf(-1, 3, 20) == 0.0);
    CHECK(studentised_range_cdf(1e4, 3, 20) <= 1.0);
}

TEST_CASE("for two means the studentised range is the root of two times Student's t") {
    for (const double df : {2.0, 5.0, 10.0, 77.0})
        check_close(studentised_range_quantile(0.95, 2, df), std::sqrt(2.0) * student_t_quantile(0.975, df),
                    2e-10);
    check_close(student_t_quantile(0.975, 10), 2.228138851986, 1e-12);
    for (const double q : {0.01, 0.5, 1.0, 2.0, 9.0})
        check_close(studentised_range_cdf(q, 2, 6), 1 - student_t_two_sided_p(q / std::sqrt(2.0), 6), 1e-11);
}

TEST_CASE("p values and quantiles of t, F and chi squared equal SciPy's") {
    check_close(student_t_quantile(0.975, 5), 2.5705818356363146, 1e-12);
    check_close(student_t_quantile(0.975, 4.5), 2.6589123472044034, 1e-12);
    check_close(student_t_two_sided_p(-7.3, 3), 0.005307803239004544, 1e-12);
    check_close(f_upper_p(4, 7, 35), 0.00260068640219, 1e-13);
    check_close(f_upper_p(2.011019, 7, 6384), 0.05, 1e-6);
    check_close(chi_squared_upper_p(8, 2), 0.018315638888734182, 1e-14);
    check_close(chi_squared_upper_p(3.5, 4.5), 0.5531405514006645, 1e-12);
    CHECK(f_upper_p(1466.94, 7, 6384) < 1e-300);
}

TEST_CASE("p values exist for infinite statistics, and are NaN for NaN") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(f_upper_p(infinity, 2, 6) == 0.0);
    CHECK(student_t_two_sided_p(-infinity, 3) == 0.0);
    CHECK(std::isnan(f_upper_p(nan, 2, 6)));
    CHECK(std::isnan(student_t_two_sided_p(nan, 3)));
    CHECK(std::isnan(chi_squared_upper_p(nan, 3)));
    CHECK(std::isnan(studentised_range_cdf(nan, 3, 10)));
}

TEST_CASE("arguments outside of a distribution's range are refused") {
    CHECK_THROWS_AS(student_t_quantile(1.0, 5), Error);
    CHECK_THROWS_AS(student_t_quantile(0.0, 5), Error);
    CHECK_THROWS_AS(student_t_quantile(0.975, 0), Error);
    CHECK_THROWS_AS(student_t_quantile(0.975, infinity), Error);
    CHECK_THROWS_AS(chi_squared_upper_p(-1, 2), Error);
    CHECK_THROWS_AS(studentised_range_quantile(1.0, 3, 10), Error);
    CHECK(f_upper_p(0, 2, 5) == 1.0);
    CHECK(chi_squared_upper_p(0, 2) == 1.0);
    CHECK_THROWS_AS(f_upper_p(-1, 2, 5), Error);
    CHECK_THROWS_AS(chi_squared_upper_p(1, infinity), Error);
    CHECK_THROWS_AS(studentised_range_cdf(3, 1, 10), Error);
    CHECK_THROWS_AS(studentised_range_quantile(0.95, 3, 0.5), Error);
    CHECK_THROWS_AS(studentised_range_quantile(0.0, 3, 10), Error);
}
