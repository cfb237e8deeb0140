#pragma once

#include <array>
#include <cstdint>

namespace dnsp::kernels {

/// Scalars in the memory of the device, each by itself, and their weights.
struct WeightedScalars {
    static constexpr int most = 16;
    std::array<const double*, most> value{};
    std::array<double, most> weight{};
    int count = 0;
};

/// values[i] = *value[i] for i < count, sum[0] = Σ weight[i] · *value[i] in that order: the loss and its
/// terms.
namespace cpu {
void weighted_sum(const WeightedScalars& scalars, double* values, double* sum);
}  // namespace cpu

namespace cuda {
void weighted_sum(const WeightedScalars& scalars, double* values, double* sum);
}  // namespace cuda

}  // namespace dnsp::kernels
