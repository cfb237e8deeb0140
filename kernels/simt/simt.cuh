#pragma once

// What every kernel file (*.cu) includes. The same source is built twice: by nvcc for the device, and by the
// C++ compiler for the CUDA emulator (kernels/simt/host), which gives the same names a meaning on the host.
#if defined(__CUDACC__)
#include <cuda_runtime.h>
#else
#include "kernels/simt/host/builtins.hpp"
#endif

#include "base/device/runtime.hpp"
#include "base/device/workspace.hpp"
#include "kernels/simt/launch.cuh"
#include "kernels/simt/shared.cuh"
