#pragma once

#include <cstdlib>

#include "engine/device.hpp"
#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::testing {

/// The device on which tests run: DNSP_TEST_DEVICE (cpu, cuda), else the CPU. All checks run on both devices.
inline Device test_device() {
    static const Device device = [] {
        const char* name = std::getenv("DNSP_TEST_DEVICE");
        const Device chosen = choose_device(name ? name : "cpu").device;
        // Bounds are for float32. Cases for tensor cores set the precision themselves.
        if (chosen.kind == DeviceKind::cuda)
            kernels::cuda::set_conv2d_options(
                {kernels::Conv2dBackend::native, kernels::Conv2dPrecision::float32});
        return chosen;
    }();
    return device;
}

}  // namespace dnsp::testing
