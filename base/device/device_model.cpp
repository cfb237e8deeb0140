#include <string>

#include "base/device/runtime.hpp"
#include "base/error.hpp"

namespace dnsp::simt {

// CUDA C++ Programming Guide, "Technical Specifications per Compute Capability": maximum amount of shared
// memory per thread block.
DeviceModel device_model(int compute_capability, int multiprocessors) {
    const auto with_kibibytes = [&](std::size_t kibibytes) {
        return DeviceModel{compute_capability, multiprocessors, kibibytes << 10};
    };
    switch (compute_capability) {
        case 75:
            return with_kibibytes(64);
        case 80:
        case 87:
            return with_kibibytes(163);
        case 86:
        case 89:
        case 120:
        case 121:
            return with_kibibytes(99);
        case 90:
        case 100:
        case 103:
            return with_kibibytes(227);
        default:
            throw Error("[device] no model of compute capability " + std::to_string(compute_capability / 10) +
                        "." + std::to_string(compute_capability % 10));
    }
}

}  // namespace dnsp::simt
