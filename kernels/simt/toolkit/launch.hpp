#pragma once

// The parts of launch.cuh that do not depend on the kernel's type.
#include <cuda_runtime_api.h>

#include <cstddef>

namespace dnsp::simt::toolkit {

/// Largest dynamic shared memory of a block of this kernel on the selected device, in bytes.
std::size_t max_dynamic_shared_memory(const void* kernel);

/// Lets the kernel be launched with this much dynamic shared memory. Without it, static and dynamic shared
/// memory together are limited to 48 KiB. The limit is never lowered, because a captured launch may need it.
void allow_shared_memory(const void* kernel, std::size_t shared_bytes);

/// Call after the launch on the current stream. Throws Error with the kernel's name if the launch was
/// refused. With DNSP_CUDA_SYNC, also waits for the kernel, unless the stream is capturing, and throws if it
/// failed.
void check_launch(cudaError_t launched, const void* kernel);

}  // namespace dnsp::simt::toolkit
