#include "kernels/weighted_sum.hpp"

namespace dnsp::kernels::cpu {

void weighted_sum(const WeightedScalars& scalars, double* values, double* sum) {
    double total = 0.0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(scalars.count); ++i) {
        values[i] = *scalars.value[i];
        total += scalars.weight[i] * values[i];
    }
    *sum = total;
}

}  // namespace dnsp::kernels::cpu
