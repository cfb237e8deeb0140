#include "engine/device.hpp"

#include <fmt/format.h>

#include "kernels/require.hpp"
#include "kernels/threads.hpp"

namespace dnsp {

std::string to_string(Device device) {
    return device.kind == DeviceKind::cpu ? "cpu" : fmt::format("cuda:{}", device.index);
}

DeviceChoice choose_device(const std::string& name) {
    const std::string cpu = fmt::format("cpu, {} threads", cpu_threads());
    if (name == "cpu") return {{DeviceKind::cpu, 0}, cpu};
    if (name == "auto") return {{DeviceKind::cpu, 0}, cpu + " (this build has no CUDA backend)"};
    require(name == "cuda" || name.starts_with("cuda:"),
            fmt::format("[device] unknown device '{}', expected auto, cpu, cuda or cuda:N", name));
    throw Error(
        fmt::format("[device] {} was asked for, but this build has no CUDA backend; use --device cpu", name));
}

int cpu_threads() { return kernels::cpu::thread_count(); }

}  // namespace dnsp
