#include "statistics/studentised_range.hpp"

#include <algorithm>
#include <boost/math/quadrature/gauss.hpp>
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>
#include <numbers>

#include "base/error.hpp"

namespace dnsp::statistics {
namespace {

/// Above it, s is so close to 1 that the variance counts as known.
constexpr double large_df = 25000.0;

/// Six Gauss–Legendre panels of 30 points.
template <class F>
double integrate(const F& f, double low, double high) {
    constexpr int panels = 6;
    const double width = (high - low) / panels;
    double sum = 0.0;
    for (int i = 0; i < panels; ++i)
        sum +=
            boost::math::quadrature::gauss<double, 30>::integrate(f, low + i * width, low + (i + 1) * width);
    return sum;
}

/// Φ(x).
double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

/// P(range of k standard normals ≤ w).
double range_cdf(double w, int k) {
    const double scale = k * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    return integrate(
        [&](double z) {
            return scale * std::exp(-0.5 * z * z) * std::pow(normal_cdf(z + w) - normal_cdf(z), k - 1);
        },
        -9.0, 9.0);
}

void require_range(int k, double df) {
    require(k >= 2, "[studentised range] expected two means or more");
    require(df >= 1, "[studentised range] expected one degree of freedom or more");
}

}  // namespace

double studentised_range_cdf(double q, int k, double df) {
    require_range(k, df);
    if (!(q > 0)) return std::isnan(q) ? q : 0.0;
    if (df > large_df) return range_cdf(q, k);
    // s = eˣ: the integrand is smooth for any ν and q. Its parts beyond the limits are below 1e-12.
    const double log_constant = std::log(2.0) + df / 2 * std::log(df / 2) - std::lgamma(df / 2);
    const double low = std::max(std::log(1e-6 / q), -(7 / std::sqrt(df) + 40 / df));
    const double high = std::log1p(12 / std::sqrt(df));
    const double probability = integrate(
        [&](double x) {
            const double s = std::exp(x);
            return std::exp(log_constant + df * (x - s * s / 2)) * range_cdf(q * s, k);
        },
        low, high);
    return std::min(1.0, probability);
}

double studentised_range_quantile(double probability, int k, double df) {
    require_range(k, df);
    require(probability > 0 && probability < 1, "[studentised range] the probability must lie inside (0, 1)");
    const auto excess = [&](double q) { return studentised_range_cdf(q, k, df) - probability; };
    double low = 0.1, high = 100.0;
    while (excess(low) > 0) low /= 2;
    while (excess(high) < 0) {
        require(high < 1e6, "[studentised range] the quantile is too large to be computed");
        high *= 2;
    }
    std::uintmax_t iterations = 100;
    const auto [left, right] = boost::math::tools::toms748_solve(
        excess, low, high, boost::math::tools::eps_tolerance<double>(44), iterations);
    return 0.5 * (left + right);
}

}  // namespace dnsp::statistics
