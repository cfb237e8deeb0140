#pragma once

#include <cstddef>
#include <memory>

#include "base/arena.hpp"
#include "engine/device.hpp"

namespace dnsp {

/// Device memory: uninitialised memory of the device's arena, to which the destructor returns it, or memory
/// of somebody else.
class Storage {
  public:
    Storage(Device device, std::size_t bytes);
    /// Memory that stays valid as long as this object, and that the destructor leaves alone.
    Storage(Device device, std::size_t bytes, void* borrowed)
        : device_(device), bytes_(bytes), data_(borrowed), is_borrowed_(true) {}
    ~Storage();
    Storage(const Storage&) = delete;
    Storage& operator=(const Storage&) = delete;

    void* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }
    Device device() const { return device_; }

  private:
    Device device_;
    std::size_t bytes_ = 0;
    void* data_ = nullptr;
    bool is_borrowed_ = false;
};

/// Copy `bytes` bytes between host memory and `storage`, starting at byte `first` of the storage. They return
/// when the host memory may be reused (copy_from_host) or read (copy_to_host).
void copy_from_host(const Storage& storage, std::size_t first, const void* host, std::size_t bytes);
void copy_to_host(void* host, const Storage& storage, std::size_t first, std::size_t bytes);

/// Each device has one caching arena: freed blocks are kept by size class and handed out again, so that a
/// training step allocates nothing after its first iteration (base/arena.hpp).
ArenaStatistics arena_statistics(Device device);

/// Limits the bytes that the device's arena may hold. An allocation beyond the limit throws OutOfMemory.
void set_memory_limit(Device device, std::size_t bytes);

/// Bytes of a CUDA device that tensors can still use: free memory plus blocks cached by the arena. Throws
/// Error for the CPU.
std::size_t available_memory(Device device);

/// Resets peak_bytes_in_use to the bytes in use.
void forget_peak_memory(Device device);

/// Gives the cached blocks back to the system.
void release_cached_memory(Device device);

}  // namespace dnsp
