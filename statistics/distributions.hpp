#pragma once

// The distributions of the tests, computed by Boost.Math. Degrees of freedom are positive and may be
// fractional, else the functions throw Error.
namespace dnsp::statistics {

/// The level of every interval and test: α = .05, two-sided.
constexpr double alpha = 0.05;

/// The x with P(T ≤ x) = probability, T Student's t; probability inside (0, 1).
double student_t_quantile(double probability, double df);

/// P(|T| ≥ |t|). An infinite t gives 0, NaN gives NaN.
double student_t_two_sided_p(double t, double df);

/// P(F ≥ f). An infinite f gives 0, NaN gives NaN.
double f_upper_p(double f, double df1, double df2);

/// P(χ² ≥ chi2). NaN gives NaN.
double chi_squared_upper_p(double chi2, double df);

}  // namespace dnsp::statistics
