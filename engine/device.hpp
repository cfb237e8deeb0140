#pragma once

#include <string>

namespace dnsp {

enum class DeviceKind { cpu, cuda };

/// Where a tensor lives and where the operations on it run.
struct Device {
    DeviceKind kind = DeviceKind::cpu;
    int index = 0;
    bool operator==(const Device&) const = default;
};

/// "cpu", "cuda:0"
std::string to_string(Device device);

/// A device and why it was chosen, for the user.
struct DeviceChoice {
    Device device;
    std::string reason;
};

/// "auto", "cpu", "cuda" or "cuda:N". A device that is not there is an error, never a silent fallback; only
/// "auto" may choose.
DeviceChoice choose_device(const std::string& name);

/// Threads the CPU device computes with (OMP_NUM_THREADS, else the cores of the machine).
int cpu_threads();

}  // namespace dnsp
