#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

namespace dnsp::kernels {

struct ArenaStatistics {
    std::size_t system_allocations = 0;  ///< blocks ever asked of the system: constant in a steady state
    std::size_t bytes_held = 0;          ///< in use or cached
    std::size_t bytes_in_use = 0;
    std::size_t peak_bytes_in_use = 0;
};

/// A caching allocator: freed blocks are kept by size class and handed out again, so that a training step
/// allocates nothing after its first iteration. When the system has nothing left, cached blocks are given
/// back and it is asked once more. Thread-safe. Device memory is reused in the order of the one stream, so no
/// block waits for its readers.
class Arena {
  public:
    struct System {
        std::function<void*(std::size_t)> allocate;  ///< null when there is not enough
        std::function<void(void*)> release;
        const char* name;  ///< "the machine", "the CUDA device"
    };
    explicit Arena(System system) : system_(std::move(system)) {}

    /// At least `bytes` bytes, aligned to 64; the same `bytes` is to be given to release(). Throws Error.
    void* allocate(std::size_t bytes);
    void release(void* data, std::size_t bytes) noexcept;
    void release_cached();
    ArenaStatistics statistics();

  private:
    void release_cached_locked();

    System system_;
    std::mutex mutex_;
    std::map<std::size_t, std::vector<void*>> free_;
    ArenaStatistics statistics_;
};

namespace cpu {
Arena& arena();
}
namespace cuda {
/// Of the selected device (simt::select_device).
Arena& arena();
}  // namespace cuda

}  // namespace dnsp::kernels
