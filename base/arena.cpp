#include "base/arena.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <string>

#include "base/device/runtime.hpp"
#include "base/divide_up.hpp"
#include "base/error.hpp"

namespace dnsp {
namespace {

constexpr std::size_t alignment = 64;

/// Four size classes per power of two: rounding up wastes at most a quarter of a block.
std::size_t size_class(std::size_t bytes) {
    bytes = std::max(bytes, alignment);
    const std::size_t step = std::max(std::bit_floor(bytes) / 4, alignment);
    return divide_up(bytes, step) * step;
}

/// Large blocks use huge pages (measured in docs/log/2026-11-28-huge-pages.md).
void* from_machine(std::size_t bytes) {
    constexpr std::size_t huge_page = 2 << 20;
    if (bytes < huge_page) return std::aligned_alloc(alignment, bytes);
    void* const data = std::aligned_alloc(huge_page, divide_up(bytes, huge_page) * huge_page);
#if defined(MADV_HUGEPAGE)
    if (data) madvise(data, bytes, MADV_HUGEPAGE);  // only a hint: failure is harmless
#endif
    return data;
}

/// Removes a block of this size from the list. Returns null if there is none.
void* take(std::map<std::size_t, std::vector<void*>>& blocks, std::size_t block) {
    const auto found = blocks.find(block);
    if (found == blocks.end() || found->second.empty()) return nullptr;
    void* const data = found->second.back();
    found->second.pop_back();
    return data;
}

}  // namespace

void* Arena::allocate(std::size_t bytes) {
    const std::size_t block = size_class(bytes);
    std::lock_guard lock(mutex_);
    void* data = nullptr;
    if (recording_here()) {
        data = take(recording_->free_, block);
        if (!data) data = take(free_, block);
        if (!data)
            throw CaptureError("[memory] the graph being captured needs a block of " + std::to_string(block) +
                               " bytes that the run before it did not allocate");
        owners_[data] = recording_;
    } else {
        data = take(free_, block);
        if (!data) data = from_system(block);
    }
    statistics_.bytes_in_use += block;
    statistics_.peak_bytes_in_use = std::max(statistics_.peak_bytes_in_use, statistics_.bytes_in_use);
    return data;
}

void* Arena::from_system(std::size_t block) {
    // release(), which must not fail, then finds place for every block.
    auto& cached = free_[block];
    const std::size_t blocks = held_[block] + 1;
    if (cached.capacity() < blocks) cached.reserve(std::max(blocks, 2 * cached.capacity()));
    const auto ask = [&]() -> void* {
        return block <= limit_ && statistics_.bytes_held <= limit_ - block ? system_.allocate(block)
                                                                           : nullptr;
    };
    void* data = ask();
    if (!data) {
        release_cached_locked();
        data = ask();
    }
    if (!data)
        throw OutOfMemory(std::string("[memory] ") + system_.name + " has no " +
                          std::to_string(std::max<std::size_t>(block >> 20, 1)) + " MiB left");
    ++held_[block];
    ++statistics_.system_allocations;
    statistics_.bytes_held += block;
    return data;
}

void Arena::release(void* data, std::size_t bytes) noexcept {
    const std::size_t block = size_class(bytes);
    std::lock_guard lock(mutex_);
    statistics_.bytes_in_use -= block;
    const auto owner = owners_.find(data);
    if (owner != owners_.end())
        owner->second->free_[block].push_back(data);
    else if (recording_here())
        recording_->kept_[block].push_back(data);
    else
        free_[block].push_back(data);
}

void Arena::set_limit(std::size_t bytes) {
    std::lock_guard lock(mutex_);
    limit_ = bytes;
}

void Arena::release_cached() {
    std::lock_guard lock(mutex_);
    release_cached_locked();
}

void Arena::release_cached_locked() {
    for (auto& [block, cached] : free_) {
        for (void* data : cached) system_.release(data);
        held_[block] -= cached.size();
        statistics_.bytes_held -= block * cached.size();
        cached.clear();
    }
}

std::size_t Arena::cached_locked() const {
    std::size_t bytes = 0;
    for (const auto& [block, cached] : free_) bytes += block * cached.size();
    return bytes;
}

std::size_t Arena::available_by_limit() {
    std::lock_guard lock(mutex_);
    return limit_ - std::min(limit_, statistics_.bytes_held - cached_locked());
}

void Arena::forget_peak() {
    std::lock_guard lock(mutex_);
    statistics_.peak_bytes_in_use = statistics_.bytes_in_use;
}

ArenaStatistics Arena::statistics() {
    std::lock_guard lock(mutex_);
    ArenaStatistics now = statistics_;
    now.bytes_cached = cached_locked();
    return now;
}

// ---- Blocks of graphs

Arena::PrivatePool::~PrivatePool() {
    std::lock_guard lock(arena_.mutex_);
    std::erase_if(arena_.owners_, [this](const auto& entry) { return entry.second == this; });
    for (const Blocks* blocks : {&free_, &kept_})
        for (const auto& [block, own] : *blocks) {
            auto& cached = arena_.free_[block];
            cached.insert(cached.end(), own.begin(), own.end());
        }
}

void Arena::PrivatePool::record(const std::function<void()>& work) {
    const auto set_recording = [this](PrivatePool* pool) {
        std::lock_guard lock(arena_.mutex_);
        if (pool && arena_.recording_) throw CaptureError("[memory] two graphs cannot be captured at once");
        arena_.recording_ = pool;
        arena_.recorder_ = std::this_thread::get_id();
    };
    set_recording(this);
    try {
        work();
    } catch (...) {
        set_recording(nullptr);
        throw;
    }
    set_recording(nullptr);
}

// Never destroyed: tensors with static lifetime may be destroyed after any other static object.

Arena& cpu_arena() {
    static Arena* instance = new Arena({from_machine, [](void* data) { std::free(data); }, "the machine"});
    return *instance;
}

Arena& cuda_arena() {
    static Arena* instance = new Arena({[](std::size_t bytes) { return simt::allocate(bytes); },
                                        [](void* data) { simt::release(data); }, "the CUDA device"});
    return *instance;
}

}  // namespace dnsp
