#pragma once

#include <cuda_runtime.h>

#include <cstdlib>
#include <string>

#include "base/error.hpp"

namespace dnsp::simt {

/// Throws Error with what CUDA says and what was asked for. Clears the error of the runtime, so that a
/// library that asks for the last error does not find it. (An error of a kernel ends the context and stays.)
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
