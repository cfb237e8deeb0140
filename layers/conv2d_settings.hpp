#pragma once

#include <string>

#include "base/options.hpp"
#include "engine/device.hpp"

namespace dnsp {

/// How a CUDA device computes convolutions. The results of a run depend on it bitwise. An empty value is the
/// device's default. The CPU always uses native kernels in float32.
struct Conv2dSettings {
    std::string precision;  ///< of multiplications: "float32", "tf32" or "bfloat16"
    std::string backend;    ///< "native", "cudnn" or "cublas"
    void visit(OptionVisitor& visitor);
};

/// Applies the settings to this process and returns the settings in force on `device`. Changes nothing if the
/// device is the CPU. Throws Error for a backend that is not available.
Conv2dSettings apply(const Conv2dSettings& settings, Device device);

/// The settings that empty values stand for.
Conv2dSettings default_conv2d_settings(DeviceKind kind);

/// The settings in force on `device`.
Conv2dSettings conv2d_settings_in_force(Device device);

}  // namespace dnsp
