#pragma once

#include <array>
#include <cmath>

// exp(−X) of symmetric positive semidefinite matrices by few matrix products:
//   exp(−X) ≈ q(2T_σ(w))^128,  w = w₀I − w₁X,  σ = 2ᵐ
// A squaring H ← H² − 2I doubles the degree of the Chebyshev polynomial 2T_σ, which enlarges the range of X
// four times. A squaring of the power enlarges it only twice. X/128 is small enough for the quartic q to
// match exp(−X/128) at zero up to the fourth derivative. Elsewhere in the range, w is in [−1, 1] and |q| <
// 0.64, and 0.64¹²⁸ is negligible.
namespace dnsp::kernels {

/// The polynomial for X with eigenvalues in [0, reach]. The first reach takes 10 products, each four times
/// larger reach one more. The absolute error is below 1.5e-10, plus the effect of rounding X: reach · 1e-16.
struct ExponentialSteps {
    double reach;
    double start_identity, start_x;    ///< H ← start_identity·I + start_x·X
    int doublings;                     ///< times H ← H² − 2I
    double v_square, v_h, v_identity;  ///< V ← v_square·H² + v_h·H + v_identity·I
    double p_h, p_identity;  ///< P ← V² + p_h·H + p_identity·I; then P ← P², `squarings` times

    static constexpr int squarings = 7;
    constexpr int products() const { return doublings + 2 + squarings; }
};

inline ExponentialSteps exponential_steps(int doublings) {
    constexpr int order = 4;
    using Series = std::array<double, order + 1>;  // in powers of z, an eigenvalue of X/128
    const auto product = [](const Series& a, const Series& b) {
        Series c{};
        for (std::size_t i = 0; i <= order; ++i)
            for (std::size_t j = 0; i + j <= order; ++j) c[i + j] += a[i] * b[j];
        return c;
    };
    // T_σ(w₀) = cosh 1 separates the value at X = 0 from the values in [−1, 1] that T_σ takes elsewhere. The
    // range of z is the largest with |q| < 0.64.
    const double w0 = std::cosh(std::ldexp(1.0, -doublings)), range = std::ldexp(3.2, 2 * doublings);
    Series h{2 * w0, -2 * (1 + w0) / range};
    const double reach = std::ldexp(range, ExponentialSteps::squarings),
                 start_x = std::ldexp(h[1], -ExponentialSteps::squarings);
    for (int i = 0; i < doublings; ++i) {
        h = product(h, h);
        h[0] -= 2;
    }
    // q as a polynomial in v = h − h(0). Coefficients are computed in order, from the remainder of e⁻ᶻ.
    const double at_zero = h[0];
    Series v = h, power{1}, left{1, -1, 1.0 / 2, -1.0 / 6, 1.0 / 24}, q{};
    v[0] = 0;
    for (std::size_t i = 0; i <= order; ++i) {
        q[i] = left[i] / power[i];
        for (std::size_t j = i; j <= order; ++j) left[j] -= q[i] * power[j];
        power = product(power, v);
    }
    // q = (√q₄·(v² + a·v + b))² + c·v + d needs only two squarings.
    const double a = q[3] / (2 * q[4]), b = (q[2] / q[4] - a * a) / 2, c = q[1] - 2 * q[4] * a * b,
                 d = q[0] - q[4] * b * b, root = std::sqrt(q[4]);
    return {reach,
            2 * w0,
            start_x,
            doublings,
            root,
            root * (a - 2 * at_zero),
            root * (b - a * at_zero + at_zero * at_zero),
            c,
            d - c * at_zero};
}

/// Ordered by reach. Beyond the last reach, 3e13, float64 cannot represent small eigenvalues beside large
/// ones; X is then scaled down to that reach.
using ExponentialTable = std::array<ExponentialSteps, 18>;

inline const ExponentialTable& exponential_table() {
    static const ExponentialTable table = [] {
        ExponentialTable steps;
        for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = exponential_steps(static_cast<int>(i) + 1);
        return steps;
    }();
    return table;
}

}  // namespace dnsp::kernels
