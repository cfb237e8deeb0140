#pragma once

#include <string>
#include <type_traits>

#include "engine/tensor.hpp"
#include "kernels/kernel.hpp"

namespace dnsp {

/// DNSP_KERNEL_FOR(device, relu_forward<T>)(arguments…) calls kernels::cpu:: or
/// kernels::cuda::relu_forward<T>. A build without CUDA names the CPU kernel only, and throws Error for a
/// CUDA device.
#define DNSP_KERNEL_FOR(device, ...) ::dnsp::kernel_for(device, DNSP_KERNELS_OF_DEVICES(__VA_ARGS__))

template <class... Arguments>
auto kernel_for(Device device, void (*on_cpu)(Arguments...),
                std::type_identity_t<void (*)(Arguments...)> on_cuda) {
    const auto kernel = device.kind == DeviceKind::cpu ? on_cpu : on_cuda;
    require(kernel != nullptr, "[device] this build has no CUDA backend");
    return kernel;
}

/// Throws Error unless all tensors are defined and lie on one device.
template <class... Tensors>
void require_one_device(const char* where, const Tensor& first, const Tensors&... others) {
    require(first.defined() && (others.defined() && ...),
            std::string("[") + where + "] a tensor is undefined");
    require(((others.device() == first.device()) && ...),
            std::string("[") + where + "] expects all tensors on " + to_string(first.device()));
}

}  // namespace dnsp
