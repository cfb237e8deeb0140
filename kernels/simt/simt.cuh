#pragma once

// Included by every kernel file (*.cu). The same source is compiled by nvcc for the device and by the C++
// compiler for the CUDA emulator (kernels/simt/host), which implements CUDA's names on the host.
#if defined(__CUDACC__)
#include <cuda_runtime.h>
#else
#include "kernels/simt/host/builtins.hpp"
#endif

#include "base/device/runtime.hpp"
#include "base/workspace.hpp"
#include "kernels/simt/launch.cuh"
#include "kernels/simt/shared.cuh"
