#include "engine/memory.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "kernels/require.hpp"

namespace dnsp {
namespace {

constexpr std::size_t alignment = 64;

/// Four size classes to each power of two: at most a quarter of a block is wasted.
std::size_t size_class(std::size_t bytes) {
    bytes = std::max(bytes, alignment);
    const std::size_t step = std::max(std::bit_floor(bytes) / 4, alignment);
    return (bytes + step - 1) / step * step;
}

class Arena {
  public:
    void* allocate(std::size_t block) {
        std::lock_guard lock(mutex_);
        void* data = nullptr;
        if (auto& cached = free_[block]; !cached.empty()) {
            data = cached.back();
            cached.pop_back();
        } else {
            data = std::aligned_alloc(alignment, block);
            require(data != nullptr,
                    "[memory] the machine has no " + std::to_string(block >> 20) + " MiB left");
            ++statistics_.system_allocations;
            statistics_.bytes_held += block;
        }
        statistics_.bytes_in_use += block;
        statistics_.peak_bytes_in_use = std::max(statistics_.peak_bytes_in_use, statistics_.bytes_in_use);
        return data;
    }

    void release(void* data, std::size_t block) noexcept {
        std::lock_guard lock(mutex_);
        statistics_.bytes_in_use -= block;
        free_.find(block)->second.push_back(data);
    }

    void release_cached() {
        std::lock_guard lock(mutex_);
        for (auto& [block, cached] : free_) {
            for (void* data : cached) std::free(data);
            statistics_.bytes_held -= block * cached.size();
            cached.clear();
        }
    }

    ArenaStatistics statistics() {
        std::lock_guard lock(mutex_);
        return statistics_;
    }

  private:
    std::mutex mutex_;
    std::map<std::size_t, std::vector<void*>> free_;
    ArenaStatistics statistics_;
};

/// Never destroyed: tensors with static lifetime may outlive any other order.
Arena& arena_of(Device device) {
    require(device.kind == DeviceKind::cpu, "[memory] this build has no CUDA backend");
    static Arena* arena = new Arena;
    return *arena;
}

}  // namespace

Storage::Storage(Device device, std::size_t bytes)
    : device_(device),
      bytes_(bytes),
      block_bytes_(size_class(bytes)),
      data_(arena_of(device).allocate(block_bytes_)) {}

Storage::~Storage() { arena_of(device_).release(data_, block_bytes_); }

ArenaStatistics arena_statistics(Device device) { return arena_of(device).statistics(); }

void release_cached_memory(Device device) { arena_of(device).release_cached(); }

}  // namespace dnsp
