#pragma once

#include <string>

#include "base/options.hpp"
#include "engine/device.hpp"

namespace dnsp {

/// How a device computes convolutions. The results of a run depend on it bitwise. An empty value is the
/// device's default. The CPU always uses native kernels.
struct Conv2dSettings {
    std::string precision;  ///< of multiplications: "float32", "tf32" or "bfloat16"
    std::string backend;    ///< "native", "cudnn" or "cublas"
    void visit(OptionVisitor& visitor);
};

/// Applies the settings to this process and returns the settings in force on `device`. On a CPU that has no
/// products in bfloat16, and for tf32, float32 is in force. Throws Error for a backend that is not available.
Conv2dSettings apply(const Conv2dSettings& settings, Device device);

/// True if convolutions on this processor can multiply in bfloat16 (kernels/conv2d/conv2d.hpp).
bool cpu_has_bfloat16();

/// The settings that empty values stand for.
Conv2dSettings default_conv2d_settings(DeviceKind kind);

/// The settings in force on `device`.
Conv2dSettings conv2d_settings_in_force(Device device);

}  // namespace dnsp
