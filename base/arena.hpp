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
    std::size_t system_allocations = 0;  ///< blocks ever asked of the system: constant in a steady state
    std::size_t bytes_held = 0;          ///< in use, cached, or kept by graphs for themselves
    std::size_t bytes_in_use = 0;
    std::size_t bytes_cached = 0;       ///< for the next that asks
    std::size_t peak_bytes_in_use = 0;  ///< since the start, or since forget_peak()
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

    /// At least `bytes` bytes, aligned to 64; the same `bytes` is to be given to release(). Throws
    /// OutOfMemory.
    void* allocate(std::size_t bytes);
    void release(void* data, std::size_t bytes) noexcept;
    void release_cached();
    /// Refuses to hold more than this from now on: for sharing a device, and for tests.
    void set_limit(std::size_t bytes);
    /// The most that it may still hold by its limit, cached blocks included.
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
    std::unordered_map<const void*, PrivatePool*> owners_;
    PrivatePool* recording_ = nullptr;
    std::thread::id recorder_;
    std::size_t limit_ = static_cast<std::size_t>(-1);
    ArenaStatistics statistics_;
};

/// The blocks that a recorded graph works in, for as long as the graph lives: it uses the same addresses each
/// time it runs, so nobody else may have them.
class Arena::PrivatePool {
  public:
    explicit PrivatePool(Arena& arena) : arena_(arena) {}
    /// The blocks go back to the arena.
    ~PrivatePool();
    PrivatePool(const PrivatePool&) = delete;
    PrivatePool& operator=(const PrivatePool&) = delete;

    /// Calls `work`. What this thread allocates meanwhile is taken from the arena's cached blocks and belongs
    /// to the pool; freed, it may be allocated again, but by `work` alone. Blocks from before that `work`
    /// frees are kept too, unused: the graph may read them. Where no cached block fits, which a run of the
    /// same work just before prevents, CaptureError is thrown.
    void record(const std::function<void()>& work);

  private:
    friend class Arena;
    Arena& arena_;
    Blocks free_, kept_;
};

/// Of host memory.
Arena& cpu_arena();
/// Of the memory of the selected device (simt::select_device).
Arena& cuda_arena();

}  // namespace dnsp
