#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/device/watchdog.hpp"
#include "base/error.hpp"

namespace dnsp::simt {

/// The word in memory of the host where a kernel's watchdog reports, because device memory is lost with the
/// context. 0 until then. Allocated by the first call, never released.
std::uint64_t* watchdog_word();

/// Throws Error with what CUDA says, what was asked for, and the watchdog's report if a kernel has written
/// one. Clears the error of the runtime, so that a library that asks for the last error does not find it. (An
/// error of a kernel ends the context and stays.)
[[noreturn]] void throw_cuda_error(cudaError_t error, const std::string& what);

/// Throws Error with the expression, its location and CUDA's message.
#define CUDA_CHECK(expression) ::dnsp::simt::check_cuda((expression), #expression, __FILE__, __LINE__)

inline void check_cuda(cudaError_t error, const char* expression, const char* file, int line) {
    if (error == cudaSuccess) return;
    throw_cuda_error(error, std::string(expression) + " (" + file + ":" + std::to_string(line) + ")");
}

/// True if the environment variable DNSP_CUDA_SYNC is set to anything but 0: every launch then waits for its
/// kernel, and an error names it.
inline bool waits_for_each_kernel() {
    static const bool waits = [] {
        const char* value = std::getenv("DNSP_CUDA_SYNC");
        return value && *value && std::string(value) != "0";
    }();
    return waits;
}

}  // namespace dnsp::simt
