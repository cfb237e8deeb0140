#include "kernels/arena.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <string>

#include "kernels/require.hpp"
#include "kernels/simt/runtime.hpp"

namespace dnsp::kernels {
namespace {

constexpr std::size_t alignment = 64;

/// Four size classes to each power of two: at most a quarter of a block is wasted.
std::size_t size_class(std::size_t bytes) {
    bytes = std::max(bytes, alignment);
    const std::size_t step = std::max(std::bit_floor(bytes) / 4, alignment);
    return (bytes + step - 1) / step * step;
}

}  // namespace

void* Arena::allocate(std::size_t bytes) {
    const std::size_t block = size_class(bytes);
    std::lock_guard lock(mutex_);
    void* data = nullptr;
    if (auto& cached = free_[block]; !cached.empty()) {
        data = cached.back();
        cached.pop_back();
    } else {
        data = system_.allocate(block);
        if (!data) {
            release_cached_locked();
            data = system_.allocate(block);
        }
        require(data != nullptr, std::string("[memory] ") + system_.name + " has no " +
                                     std::to_string(std::max<std::size_t>(block >> 20, 1)) + " MiB left");
        ++statistics_.system_allocations;
        statistics_.bytes_held += block;
    }
    statistics_.bytes_in_use += block;
    statistics_.peak_bytes_in_use = std::max(statistics_.peak_bytes_in_use, statistics_.bytes_in_use);
    return data;
}

void Arena::release(void* data, std::size_t bytes) noexcept {
    const std::size_t block = size_class(bytes);
    std::lock_guard lock(mutex_);
    statistics_.bytes_in_use -= block;
    free_.find(block)->second.push_back(data);
}

void Arena::release_cached() {
    std::lock_guard lock(mutex_);
    release_cached_locked();
}

void Arena::release_cached_locked() {
    for (auto& [block, cached] : free_) {
        for (void* data : cached) system_.release(data);
        statistics_.bytes_held -= block * cached.size();
        cached.clear();
    }
}

ArenaStatistics Arena::statistics() {
    std::lock_guard lock(mutex_);
    return statistics_;
}

// Never destroyed: tensors with static lifetime may outlive any other order.

Arena& cpu::arena() {
    static Arena* instance =
        new Arena({[](std::size_t bytes) { return std::aligned_alloc(alignment, bytes); },
                   [](void* data) { std::free(data); }, "the machine"});
    return *instance;
}

Arena& cuda::arena() {
    static Arena* instance = new Arena({[](std::size_t bytes) { return simt::allocate(bytes); },
                                        [](void* data) { simt::release(data); }, "the CUDA device"});
    return *instance;
}

}  // namespace dnsp::kernels
