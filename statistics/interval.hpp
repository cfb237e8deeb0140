#pragma once

#include <span>
#include <vector>

namespace dnsp::statistics {

/// Mean and half-width of the 95 % confidence interval of the mean (Student's t). The half-width is NaN for
/// fewer than two values; the mean is NaN for no values.
struct MeanInterval {
    double mean = 0.0;
    double ci95 = 0.0;
    int n = 0;
};
MeanInterval mean_and_interval(std::span<const double> values);

/// Arithmetic mean; NaN for no values.
double mean_of(std::span<const double> values);

/// Σ (value − mean)².
double squared_deviations(std::span<const double> values);

/// The half-widths wᵢ of the comparison intervals of k ≥ 2 means (Hochberg & Tamhane 1987, Eq. 3.32; MATLAB's
/// multcompare): with them, two means differ significantly by Tukey–Kramer at α = .05 where their intervals
/// are disjoint; exactly so for equal counts and for k = 2. They are not confidence intervals of the means.
///   γᵢⱼ = q/√2 · s·√(1/nᵢ + 1/nⱼ),   wᵢ = [(k−1) Σⱼ γᵢⱼ − Σ_{j<l} γⱼₗ] / ((k−1)(k−2)),   k = 2: γ₁₂/2
/// `counts`: nᵢ, positive. `mean_square`: s². `q`: the .95 quantile of the studentised range for k means and
/// the degrees of freedom of s². Throws Error for fewer than two means.
std::vector<double> comparison_half_widths(const std::vector<int>& counts, double mean_square, double q);

}  // namespace dnsp::statistics
