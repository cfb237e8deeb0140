#pragma once

#include <cuda_runtime.h>

#include <string>

#include "base/error.hpp"

namespace dnsp::simt {

/// Throws Error with the expression, its location and CUDA's message.
#define CUDA_CHECK(expression) ::dnsp::simt::check_cuda((expression), #expression, __FILE__, __LINE__)

inline void check_cuda(cudaError_t error, const char* expression, const char* file, int line) {
    if (error == cudaSuccess) return;
    throw Error(std::string("[cuda] ") + cudaGetErrorString(error) + ": " + expression + " (" + file + ":" +
                std::to_string(line) + ")");
}

}  // namespace dnsp::simt
