#pragma once

// The only way to start a kernel:
//   launch(kernel, grid, block, shared_bytes, args…)            on the current stream
// shared_bytes is the size of dynamic shared memory; the kernel's limit is raised as needed. A grid without
// blocks does nothing. Throws dnsp::Error if the launch is refused.
#include <cstddef>
#include <string>
#include <tuple>

#include "base/device/runtime.hpp"

#if defined(__CUDACC__)
#include <cuda_runtime.h>

#include "base/device/toolkit/check.hpp"
#else
#include "kernels/simt/host/builtins.hpp"
#include "kernels/simt/host/executor.hpp"
#endif

namespace dnsp::simt {

#if defined(__CUDACC__)

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            Arguments&&... arguments) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
    // Without this, static and dynamic shared memory together are limited to 48 KiB. The limit is never
    // lowered, because a captured launch may need it.
    if (shared_bytes > 0) {
        const auto* function = reinterpret_cast<const void*>(kernel);
        cudaFuncAttributes attributes;
        CUDA_CHECK(cudaFuncGetAttributes(&attributes, function));
        if (attributes.maxDynamicSharedSizeBytes < static_cast<int>(shared_bytes))
            CUDA_CHECK(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(shared_bytes)));
    }
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = block;
    config.dynamicSmemBytes = shared_bytes;
    config.stream = static_cast<cudaStream_t>(current_stream());
    CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...));
}

#else

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            Arguments&&... arguments) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
    host::run_or_record([=, values = std::tuple<Parameters...>(static_cast<Parameters>(arguments)...)] {
        host::run_grid(grid, block, shared_bytes, [&] { std::apply(kernel, values); });
    });
}

#endif

}  // namespace dnsp::simt
