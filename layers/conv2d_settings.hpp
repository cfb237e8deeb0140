#pragma once

#include <string>

#include "base/options.hpp"
#include "engine/device.hpp"

namespace dnsp {

/// How convolutions are computed on a CUDA device, where they decide the bits of a run. The CPU has one way:
/// float32 and native kernels. Empty: the device's default.
struct Conv2dSettings {
    std::string precision;  ///< of multiplications: "float32", "tf32" or "bfloat16"
    std::string backend;    ///< "native", "cudnn" or "cublas"
    void visit(OptionVisitor& visitor);
};

/// Sets how this process computes convolutions on `device`, and returns what is then in force. On the CPU it
/// changes nothing. Throws Error for a backend that is not there.
Conv2dSettings apply(const Conv2dSettings& settings, Device device);

/// What is in force on `device`.
Conv2dSettings conv2d_settings_in_force(Device device);

}  // namespace dnsp
