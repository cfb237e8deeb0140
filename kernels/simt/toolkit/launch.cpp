#include "kernels/simt/toolkit/launch.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/device/runtime.hpp"
#include "base/device/toolkit/check.hpp"

namespace dnsp::simt::toolkit {
namespace {

cudaFuncAttributes attributes_of(const void* kernel) {
    cudaFuncAttributes attributes;
    CUDA_CHECK(cudaFuncGetAttributes(&attributes, kernel));
    return attributes;
}

/// The name with its parameters, if the runtime still tells it after an error.
std::string name_of(const void* kernel) {
    const char* mangled = nullptr;
    if (cudaFuncGetName(&mangled, kernel) != cudaSuccess || !mangled) {
        cudaGetLastError();
        return "of unknown name";
    }
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(mangled, nullptr, nullptr, &status),
                                                      std::free);
    return status == 0 ? name.get() : mangled;
}

}  // namespace

std::size_t max_dynamic_shared_memory(const void* kernel) {
    const std::size_t limit = max_shared_memory_per_block();
    return limit - std::min(limit, attributes_of(kernel).sharedSizeBytes);
}

void allow_shared_memory(const void* kernel, std::size_t shared_bytes) {
    const auto bytes = static_cast<int>(shared_bytes);
    if (bytes == 0 || attributes_of(kernel).maxDynamicSharedSizeBytes >= bytes) return;
    const cudaError_t error =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (error == cudaSuccess) return;
    throw_cuda_error(error,
                     std::to_string(bytes) + " bytes of dynamic shared memory for kernel " + name_of(kernel));
}

void check_launch(cudaError_t launched, const void* kernel) {
    if (launched != cudaSuccess) throw_cuda_error(launched, "the launch of kernel " + name_of(kernel));
    if (!waits_for_each_kernel()) return;
    const std::string name = name_of(kernel);  // afterwards the runtime may not answer
    const auto stream = static_cast<cudaStream_t>(current_stream());
    cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
    CUDA_CHECK(cudaStreamIsCapturing(stream, &capture));
    if (capture != cudaStreamCaptureStatusNone) return;
    if (const cudaError_t error = cudaStreamSynchronize(stream); error != cudaSuccess)
        throw_cuda_error(error, "in kernel " + name);
}

}  // namespace dnsp::simt::toolkit
