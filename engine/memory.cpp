#include "engine/memory.hpp"

#include <algorithm>
#include <cstring>

#include "base/device/runtime.hpp"
#include "base/error.hpp"

namespace dnsp {
namespace {

Arena& arena_of(Device device) { return device.kind == DeviceKind::cpu ? cpu_arena() : cuda_arena(); }

}  // namespace

Storage::Storage(Device device, std::size_t bytes)
    : device_(device), bytes_(bytes), data_(arena_of(device).allocate(bytes)) {}

Storage::~Storage() {
    if (!is_borrowed_) arena_of(device_).release(data_, bytes_);
}

void copy_from_host(const Storage& storage, std::size_t first, const void* host, std::size_t bytes) {
    void* target = static_cast<char*>(storage.data()) + first;
    if (bytes == 0) return;
    if (storage.device().kind == DeviceKind::cpu)
        std::memcpy(target, host, bytes);
    else
        simt::copy_to_device(target, host, bytes);
}

void copy_to_host(void* host, const Storage& storage, std::size_t first, std::size_t bytes) {
    const void* source = static_cast<const char*>(storage.data()) + first;
    if (bytes == 0) return;
    if (storage.device().kind == DeviceKind::cpu)
        std::memcpy(host, source, bytes);
    else
        simt::copy_to_host(host, source, bytes);
}

ArenaStatistics arena_statistics(Device device) { return arena_of(device).statistics(); }

void set_memory_limit(Device device, std::size_t bytes) { arena_of(device).set_limit(bytes); }

std::size_t available_memory(Device device) {
    require(device.kind == DeviceKind::cuda, "[memory] the free memory of the CPU is not known");
    return std::min(simt::free_memory() + arena_statistics(device).bytes_cached,
                    arena_of(device).available_by_limit());
}

void forget_peak_memory(Device device) { arena_of(device).forget_peak(); }

void release_cached_memory(Device device) { arena_of(device).release_cached(); }

}  // namespace dnsp
