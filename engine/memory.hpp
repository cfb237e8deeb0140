#pragma once

#include <cstddef>
#include <memory>

#include "base/arena.hpp"
#include "engine/device.hpp"

namespace dnsp {

/// Uninitialised device memory that returns to its arena when the last owner lets go.
class Storage {
  public:
    Storage(Device device, std::size_t bytes);
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
};

/// Between host memory and a storage of at least `bytes` bytes from byte `first` on; return when the host
/// memory may be reused or read.
void copy_from_host(const Storage& storage, std::size_t first, const void* host, std::size_t bytes);
void copy_to_host(void* host, const Storage& storage, std::size_t first, std::size_t bytes);

/// Each device has one caching arena: freed blocks are kept by size class and handed out again, so that a
/// training step allocates nothing after its first iteration (base/arena.hpp).
ArenaStatistics arena_statistics(Device device);

/// The most that the device's arena may hold from now on; asking for more is OutOfMemory.
void set_memory_limit(Device device, std::size_t bytes);

/// What a CUDA device has left for tensors: free, or cached by its arena.
std::size_t available_memory(Device device);

/// Lets peak_bytes_in_use begin anew.
void forget_peak_memory(Device device);

/// Gives the cached blocks back to the system.
void release_cached_memory(Device device);

}  // namespace dnsp
