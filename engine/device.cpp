#include "engine/device.hpp"

#include <fmt/format.h>

#include "base/device/runtime.hpp"
#include "base/error.hpp"
#include "base/number.hpp"
#include "base/parallel.hpp"

namespace dnsp {

std::string to_string(Device device) {
    return device.kind == DeviceKind::cpu ? "cpu" : fmt::format("cuda:{}", device.index);
}

namespace {

DeviceChoice cuda_choice(int index) {
    simt::select_device(index);
    const Device device{DeviceKind::cuda, index};
    return {device, fmt::format("{}, {}", to_string(device), simt::device_description(index))};
}

}  // namespace

DeviceChoice choose_device(const std::string& name, int process) {
    const std::string cpu = fmt::format("cpu, {} threads", cpu_threads());
    if (name == "cpu") return {{DeviceKind::cpu, 0}, cpu};
    if (name == "auto") {
        if (simt::device_count() == 0)
            return {{DeviceKind::cpu, 0}, fmt::format("{} ({})", cpu, simt::unavailable_reason())};
        if (simt::is_emulator())
            return {{DeviceKind::cpu, 0}, cpu + " (the CUDA emulator is for tests: choose the device cuda)"};
        return cuda_choice(process % simt::device_count());
    }
    const int index = name.starts_with("cuda:") ? number_of<int>(name.substr(5)).value_or(-1) : 0;
    require((name == "cuda" || name.starts_with("cuda:")) && index >= 0,
            fmt::format("[device] unknown device '{}', expected auto, cpu, cuda or cuda:N", name));
    const int devices = simt::device_count();
    require(devices > 0, fmt::format("[device] {} was asked for, but {}; the device cpu is always available",
                                     name, simt::unavailable_reason()));
    require(index < devices, fmt::format("[device] {} was asked for, but there {} only {}: cuda:0{}", name,
                                         devices == 1 ? "is" : "are", devices,
                                         devices == 1 ? "" : fmt::format(" … cuda:{}", devices - 1)));
    return cuda_choice(name == "cuda" ? process % devices : index);
}

int cpu_threads() { return thread_count(); }

}  // namespace dnsp
