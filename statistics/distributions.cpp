#include "statistics/distributions.hpp"

#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "base/error.hpp"

namespace dnsp::statistics {
namespace {

void require_df(double df) {
    require(df > 0 && std::isfinite(df), "[statistics] degrees of freedom must be positive and finite");
}

}  // namespace

double student_t_quantile(double probability, double df) {
    require_df(df);
    require(probability > 0 && probability < 1, "[statistics] the probability must lie inside (0, 1)");
    return boost::math::quantile(boost::math::students_t(df), probability);
}

double student_t_two_sided_p(double t, double df) {
    require_df(df);
    if (std::isnan(t)) return t;
    if (std::isinf(t)) return 0.0;
    return 2.0 * boost::math::cdf(complement(boost::math::students_t(df), std::abs(t)));
}

double f_upper_p(double f, double df1, double df2) {
    require_df(df1);
    require_df(df2);
    if (std::isnan(f)) return f;
    require(f >= 0, "[statistics] an F ratio cannot be negative");
    if (std::isinf(f)) return 0.0;
    return boost::math::cdf(complement(boost::math::fisher_f(df1, df2), f));
}

double chi_squared_upper_p(double chi2, double df) {
    require_df(df);
    if (std::isnan(chi2)) return chi2;
    require(chi2 >= 0, "[statistics] χ² cannot be negative");
    return boost::math::cdf(complement(boost::math::chi_squared(df), chi2));
}

}  // namespace dnsp::statistics
