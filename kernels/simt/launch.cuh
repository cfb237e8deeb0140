#pragma once

// The only way to start a kernel:
//   launch(kernel, grid, block, shared_bytes, args…)            on the current stream
// shared_bytes is the size of dynamic shared memory; the kernel's limit is raised as needed. A grid without
// blocks does nothing. Throws dnsp::Error with the kernel's name if the launch is refused. A kernel that
// fails later is reported by the next call that waits for the device; with the environment variable
// DNSP_CUDA_SYNC=1 every launch waits, and the error names the kernel.
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "base/device/runtime.hpp"

#if defined(__CUDACC__)
#include <cuda_runtime.h>

#include "base/device/toolkit/check.hpp"
#include "kernels/simt/toolkit/launch.hpp"
#else
#include "kernels/simt/host/builtins.hpp"
#include "kernels/simt/host/executor.hpp"
#endif

namespace dnsp::simt {

#if defined(__CUDACC__) && defined(DNSP_WATCHDOG)
// Of the kernels of one source file.
[[maybe_unused]] static __device__ std::uint64_t* watchdog_report_of_host;

/// Tells the kernels of this file where to report. Before the first launch, which is not within a capture.
static void point_watchdog_at_host() {
    [[maybe_unused]] static const bool done = [] {
        std::uint64_t* word = watchdog_word();
        CUDA_CHECK(cudaMemcpyToSymbol(watchdog_report_of_host, &word, sizeof word));
        return true;
    }();
}
#endif

/// True if a block of the selected device can have `shared_bytes` bytes of dynamic shared memory beside the
/// static shared memory of the kernel. The CUDA emulator does not know the static part before the kernel
/// runs: it assumes that there is none, and refuses a kernel that then uses too much.
template <class... Parameters>
bool fits_in_shared_memory([[maybe_unused]] void (*kernel)(Parameters...), std::size_t shared_bytes) {
#if defined(__CUDACC__)
    return shared_bytes <= toolkit::max_dynamic_shared_memory(reinterpret_cast<const void*>(kernel));
#else
    return shared_bytes <= max_shared_memory_per_block();
#endif
}

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            Arguments&&... arguments) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
#if defined(__CUDACC__)
#if defined(DNSP_WATCHDOG)
    point_watchdog_at_host();
#endif
    const auto* function = reinterpret_cast<const void*>(kernel);
    toolkit::allow_shared_memory(function, shared_bytes);
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = block;
    config.dynamicSmemBytes = shared_bytes;
    config.stream = static_cast<cudaStream_t>(current_stream());
    toolkit::check_launch(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...),
                          function);
#else
    host::run_or_record([=, values = std::tuple<Parameters...>(static_cast<Parameters>(arguments)...)] {
        host::run_grid(
            grid, block, shared_bytes, [&] { std::apply(kernel, values); },
            reinterpret_cast<const void*>(kernel));
    });
#endif
}

}  // namespace dnsp::simt
