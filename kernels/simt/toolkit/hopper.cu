#include "kernels/simt/hopper.hpp"

#include <cuda_runtime.h>

#include <cstddef>

#include "base/device/runtime.hpp"
#include "base/device/toolkit/check.hpp"

namespace dnsp::simt {
namespace {

constexpr int words = 1024;
constexpr std::size_t marker_bytes = words * sizeof(int);  // more than the 1 KiB of the system

/// Never launched. It has static shared memory only where it is compiled for sm_90a, so its attributes tell
/// which code the driver has chosen.
__global__ void sm_90a_marker([[maybe_unused]] int* values) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    __shared__ int reversed[words];
    reversed[words - 1 - threadIdx.x] = values[threadIdx.x];
    __syncthreads();
    values[threadIdx.x] = reversed[threadIdx.x];
#endif
}

}  // namespace

bool has_hopper_instructions() {
    if (compute_capability() != 90) return false;
    static const bool chosen = [] {
        cudaFuncAttributes attributes;
        CUDA_CHECK(cudaFuncGetAttributes(&attributes, sm_90a_marker));
        return attributes.sharedSizeBytes >= marker_bytes;
    }();
    return chosen;
}

}  // namespace dnsp::simt
