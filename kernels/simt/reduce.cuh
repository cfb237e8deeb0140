#pragma once

// Sums in double over the threads of a warp or a block, in a fixed order.
#include "kernels/simt/simt.cuh"

namespace dnsp::simt {

/// Σ over the 32 lanes, bitwise identical in all lanes.
__device__ __forceinline__ double warp_sum(double value) {
    for (int distance = 16; distance > 0; distance /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, distance);
    return value;
}

/// Σ over a block of `threads` threads in x, a multiple of 32, bitwise identical in all threads. Two calls
/// need a barrier between them.
template <int threads>
__device__ __forceinline__ double block_sum(double value) {
    constexpr int warps = threads / 32;
    static_assert(threads % 32 == 0);
    __shared__ SharedArray<double, warps> sums;
    value = warp_sum(value);
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
    __syncthreads();
    double total = 0.0;
    for (int warp = 0; warp < warps; ++warp) total += sums[warp];
    return total;
}

}  // namespace dnsp::simt
