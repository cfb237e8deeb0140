#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "kernels/kernel.hpp"
#include "kernels/step_position.hpp"

namespace dnsp::kernels {

/// A contiguous range of the parameter array with one learning rate.
struct AdamSegment {
    std::int64_t first = 0;
    std::int64_t count = 0;
};

/// Hyperparameters and segments of Adam (Kingma and Ba 2015, Algorithm 1).
struct AdamShape {
    static constexpr int max_segments = 4;
    std::array<AdamSegment, max_segments> segments;
    int segment_count = 0;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
};

/// The rates of one step: a row of a table in device memory.
struct AdamRates {
    std::array<double, AdamShape::max_segments> step_size{};  ///< lr / (1 − β₁ᵗ), per segment
    double root_correction = 1.0;                             ///< 1 / √(1 − β₂ᵗ)
};

/// The rates of step t = 1, 2, …, given the learning rate of each segment.
inline AdamRates adam_rates(const AdamShape& adam,
                            const std::array<double, AdamShape::max_segments>& learning_rates,
                            std::int64_t t) {
    const double steps = static_cast<double>(t);
    AdamRates rates;
    for (std::size_t s = 0; s < learning_rates.size(); ++s)
        rates.step_size[s] = learning_rates[s] / (1 - std::pow(adam.beta1, steps));
    rates.root_correction = 1 / std::sqrt(1 - std::pow(adam.beta2, steps));
    return rates;
}

/// Updates the elements of all segments in place, with row position->step of the table `rates`:
///   m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², value ← value − lr · m̂ / (√v̂ + ε)
DNSP_DECLARE_KERNEL(adam, const AdamShape& adam, const AdamRates* rates, const StepPosition* position,
                    const T* gradient, T* value, T* first_moment, T* second_moment);

}  // namespace dnsp::kernels
