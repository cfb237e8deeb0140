#pragma once

#include <initializer_list>
#include <string>

#include "engine/tensor.hpp"

namespace dnsp {

/// The kernel of a device, by its two addresses, which have one signature:
///   on(device, kernels::cpu::relu_forward<T>, kernels::cuda::relu_forward<T>)(arguments…)
template <class... Arguments>
auto on(Device device, void (*on_cpu)(Arguments...), void (*on_cuda)(Arguments...)) {
    return device.kind == DeviceKind::cpu ? on_cpu : on_cuda;
}

/// Throws unless all tensors are defined and lie on one device.
template <class... Tensors>
void require_one_device(const char* where, const Tensor& first, const Tensors&... others) {
    require(first.defined() && (others.defined() && ...),
            std::string("[") + where + "] a tensor is undefined");
    require(((others.device() == first.device()) && ...),
            std::string("[") + where + "] expects all tensors on " + to_string(first.device()));
}

}  // namespace dnsp
