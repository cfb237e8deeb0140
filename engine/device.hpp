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

/// A device, and the reason for its choice as text for the user.
struct DeviceChoice {
    Device device;
    std::string reason;
};

/// `name`: "auto", "cpu", "cuda" (the first GPU) or "cuda:N". "auto" takes the first GPU, or the CPU if there
/// is none. Process 1, 2, … of a machine takes the second, third, … GPU instead of the first, and begins anew
/// after the last. Throws Error for an unknown name and for a device that is absent: there is no silent
/// fallback.
DeviceChoice choose_device(const std::string& name, int process = 0);

/// Number of threads of the CPU device: OMP_NUM_THREADS, else the cores of the machine.
int cpu_threads();

}  // namespace dnsp
