#pragma once

#include <cstdint>
#include <span>
#include <vector>

// Differences between two methods.
namespace dnsp::statistics {

/// A mean difference, the half-width of its 95 % interval, and Student's test that it is 0 (two-sided).
/// Half-width, t, df and p are NaN for fewer than two values.
struct Contrast {
    double mean = 0.0, ci95 = 0.0, t = 0.0, df = 0.0, p = 0.0;
    int n = 0;
};

/// The paired differences a − b of persons, seeds or any other independent units. Throws Error for unequal
/// sizes.
Contrast paired_contrast(std::span<const double> a, std::span<const double> b);

/// Mean(a) − mean(b) of unpaired values with unequal variances: Welch's test with Satterthwaite's degrees of
/// freedom. `n` is the smaller count.
Contrast welch_contrast(std::span<const double> a, std::span<const double> b);

/// Nadeau & Bengio (2003): the mean of the differences of R random repetitions of one split into training and
/// test persons, which share persons. t = d̄ / √((1/R + test/training)·s²), df = R − 1. Throws Error unless
/// the numbers of persons are positive.
Contrast corrected_resampled_contrast(std::span<const double> differences, int training, int test);

/// p values adjusted by Holm's step-down method, in the order given. NaN stays NaN and is not counted.
std::vector<double> holm(std::span<const double> p_values);

/// Interval between two percentiles.
struct PercentileInterval {
    double low = 0.0, high = 0.0;
};
/// The 2.5th and 97.5th percentile (linear interpolation) of the means of `resamples` samples of the values,
/// drawn with replacement from the stream of random numbers `seed` (base/philox.hpp). Throws Error without
/// values or resamples.
PercentileInterval bootstrap_interval(std::span<const double> values, int resamples, std::uint64_t seed);

}  // namespace dnsp::statistics
