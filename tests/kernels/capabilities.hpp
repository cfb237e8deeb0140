#pragma once

#include <functional>

#include "base/device/runtime.hpp"
#include "tests/catch.hpp"

namespace dnsp::testing {

/// Makes the CUDA emulator another device in a scope. No effect on a device.
class Emulated {
  public:
    explicit Emulated(const simt::DeviceModel& model) { simt::emulate_device(model); }
    ~Emulated() { simt::emulate_device({}); }
    Emulated(const Emulated&) = delete;
    Emulated& operator=(const Emulated&) = delete;
};

/// Runs `body` on an emulated device of every compute capability that programs are compiled for. On a device,
/// runs it once, with the capability of the device.
inline void for_each_capability(const std::function<void(int capability)>& body) {
    if (!simt::is_emulator()) return body(simt::compute_capability());
    for (const int capability : {75, 80, 86, 89, 90, 100, 120}) {
        INFO("compute capability " << capability);
        const Emulated device(simt::device_model(capability));
        body(capability);
    }
}

}  // namespace dnsp::testing
