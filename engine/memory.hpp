#pragma once

#include <cstddef>
#include <memory>

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
    std::size_t block_bytes_ = 0;
    void* data_ = nullptr;
};

struct ArenaStatistics {
    std::size_t system_allocations = 0;  ///< blocks ever asked of the system: constant in a steady state
    std::size_t bytes_held = 0;          ///< in use or cached
    std::size_t bytes_in_use = 0;
    std::size_t peak_bytes_in_use = 0;
};

/// Each device has one caching arena: freed blocks are kept by size class and handed out again, so that a
/// training step allocates nothing after its first iteration. Blocks are aligned to 64 bytes. Thread-safe.
ArenaStatistics arena_statistics(Device device);

/// Gives the cached blocks back to the system.
void release_cached_memory(Device device);

}  // namespace dnsp
