#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace dnsp {

struct ArenaStatistics {
    std::size_t system_allocations = 0;  ///< blocks allocated from the system, ever
    std::size_t bytes_held = 0;          ///< in use, cached, or reserved by graphs
    std::size_t bytes_in_use = 0;
    std::size_t bytes_cached = 0;       ///< free blocks kept for later allocations
    std::size_t peak_bytes_in_use = 0;  ///< since construction or the last forget_peak()
};

/// A caching allocator. Freed blocks are kept by size class and reused, so that a training step allocates
/// nothing from the system after its first iteration. When the system is out of memory, the arena frees its
/// cached blocks and tries once more. Thread-safe. Device memory is reused in stream order, so a block may be
/// released while kernels on the one stream still read it.
class Arena {
  public:
    struct System {
        std::function<void*(std::size_t)> allocate;  ///< returns null when memory is exhausted
        std::function<void(void*)> release;
        const char* name;  ///< "the machine", "the CUDA device"
    };
    explicit Arena(System system) : system_(std::move(system)) {}

    /// Returns at least `bytes` bytes, aligned to 64. Pass the same `bytes` to release(). Throws OutOfMemory.
    void* allocate(std::size_t bytes);
    void release(void* data, std::size_t bytes) noexcept;
    void release_cached();
    /// Limits bytes_held from now on. For sharing a device, and for tests.
    void set_limit(std::size_t bytes);
    /// Bytes that the limit still allows to be allocated, cached blocks included.
    std::size_t available_by_limit();
    void forget_peak();
    ArenaStatistics statistics();

    class PrivatePool;

  private:
    using Blocks = std::map<std::size_t, std::vector<void*>>;  // by size class

    void* from_system(std::size_t block);
    void release_cached_locked();
    std::size_t cached_locked() const;
    bool recording_here() const { return recording_ && recorder_ == std::this_thread::get_id(); }

    System system_;
    std::mutex mutex_;
    Blocks free_;
    std::map<std::size_t, std::size_t> held_;  ///< number of blocks that the system gave, by size class
    std::unordered_map<const void*, PrivatePool*> owners_;
    PrivatePool* recording_ = nullptr;
    std::thread::id recorder_;
    std::size_t limit_ = static_cast<std::size_t>(-1);
    ArenaStatistics statistics_;
};

/// The blocks that a captured graph uses. They stay reserved while the graph lives, because each launch uses
/// the same addresses.
class Arena::PrivatePool {
  public:
    explicit PrivatePool(Arena& arena) : arena_(arena) {}
    /// Returns the blocks to the arena.
    ~PrivatePool();
    PrivatePool(const PrivatePool&) = delete;
    PrivatePool& operator=(const PrivatePool&) = delete;

    /// Calls `work` and captures its allocations:
    /// - Allocations of this thread are taken from cached blocks and belong to the pool.
    /// - Once freed, they can be reused within `work` only.
    /// - Older blocks that `work` frees are kept unused, because the graph may read them.
    /// Throws CaptureError if no cached block fits. To prevent this, run the same work once just before.
    void record(const std::function<void()>& work);

  private:
    friend class Arena;
    Arena& arena_;
    Blocks free_, kept_;
};

/// The arena of host memory.
Arena& cpu_arena();
/// The arena of the selected device (simt::select_device).
Arena& cuda_arena();

}  // namespace dnsp
