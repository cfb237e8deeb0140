#pragma once

#include <string>
#include <type_traits>

#include "engine/tensor.hpp"
#include "kernels/bfloat16.hpp"
#include "kernels/kernel.hpp"

namespace dnsp {

/// DNSP_KERNEL_FOR(device, relu_forward<T>)(arguments…) calls kernels::cpu:: or
/// kernels::cuda::relu_forward<T>. A build without CUDA names the CPU kernel only, and throws Error for a
/// CUDA device.
#define DNSP_KERNEL_FOR(device, ...) ::dnsp::kernel_for(device, DNSP_KERNELS_OF_DEVICES(__VA_ARGS__))

/// DNSP_CUDA_KERNEL(convert<float, bfloat16>)(arguments…) calls a kernel that only the CUDA device has. In a
/// build without CUDA the call throws Error.
#if DNSP_HAS_CUDA
#define DNSP_CUDA_KERNEL(...) (&::dnsp::kernels::cuda::__VA_ARGS__)
#else
#define DNSP_CUDA_KERNEL(...) ::dnsp::no_cuda_kernel
#endif

inline constexpr auto no_cuda_kernel = [](const auto&...) {
    throw Error("[device] this build has no CUDA backend");
};

/// DNSP_CUDA_KERNEL(name<types…>) if one of the image types is bfloat16, because only the CUDA device has
/// these instances; else DNSP_KERNEL_FOR(device, name<types…>).
#define DNSP_STORED_KERNEL_FOR(device, name, ...)              \
    [&] {                                                      \
        if constexpr (::dnsp::has_bfloat16<__VA_ARGS__>)       \
            return DNSP_CUDA_KERNEL(name<__VA_ARGS__>);        \
        else                                                   \
            return DNSP_KERNEL_FOR(device, name<__VA_ARGS__>); \
    }()

template <class... Types>
constexpr bool has_bfloat16 = (std::is_same_v<Types, kernels::bfloat16> || ...);

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
