#include "kernels/weighted_sum.hpp"

#include "kernels/simt/simt.cuh"

namespace dnsp::kernels::cuda {
namespace {

// One warp: a lane reads a scalar, the first lane adds them up in their order. Bound by the time of a launch.
__global__ void __launch_bounds__(32)
    add_scalars(const WeightedScalars scalars, double* values, double* sum) {
    double value = 0.0, weight = 0.0;
    // The pointers are arguments: an index known to the compiler keeps them out of local memory.
#pragma unroll
    for (int i = 0; i < WeightedScalars::most; ++i)
        if (i == static_cast<int>(threadIdx.x) && i < scalars.count) {
            value = *scalars.value[i];
            weight = scalars.weight[i];
            values[i] = value;
        }
    double total = 0.0;
    for (int i = 0; i < scalars.count; ++i)
        total += __shfl_sync(0xffffffffu, weight, i) * __shfl_sync(0xffffffffu, value, i);
    if (threadIdx.x == 0) *sum = total;
}

}  // namespace

void weighted_sum(const WeightedScalars& scalars, double* values, double* sum) {
    simt::launch(add_scalars, 1, 32, 0, scalars, values, sum);
}

}  // namespace dnsp::kernels::cuda
