#pragma once

// Bulk tensor copies, the barriers in shared memory that count what they bring, and barriers of some warps.
//
// The data of a load land when somebody waits at its barrier and everything that the phase expects is on its
// way; until then the target is full of NaN. A store reads shared memory when the thread that started it
// waits. Not modelled: that what ordinary stores write is seen by bulk copies and by wgmma only behind
// fence.proxy.async. The executor does not see ordinary stores.
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kernels/simt/host/wait_list.hpp"
#include "kernels/simt/tensor_map.hpp"

namespace dnsp::simt::host {

/// One box of a tensor map at its place in the array, and in shared memory.
struct BoxCopy {
    TensorMap map;
    std::array<int, 4> first;
    std::byte* shared;

    std::size_t bytes() const;
    /// Into shared memory, zeros for what lies outside of the array; or from it, what lies inside.
    void load() const;
    void store() const;
};

/// An mbarrier. Its phase ends when as many have arrived as it counts, and all expected bytes have landed.
class MemoryBarrier : public WaitList {
  public:
    explicit MemoryBarrier(int arrivals) : arrivals_(arrivals), missing_(arrivals) {}

    void arrive(std::size_t expected_bytes);
    void queue(const BoxCopy& copy);
    void wait(unsigned parity);
    std::string description() const override;
    bool has_unread_copies() const { return !copies_.empty(); }

  private:
    void end_phase_if_complete(bool awaited);

    int arrivals_, missing_;
    unsigned phase_ = 0;
    std::size_t expected_ = 0, queued_ = 0;
    std::vector<BoxCopy> copies_;
};

/// bar.sync of a number of threads other than the block's.
class NamedBarrier : public WaitList {
  public:
    void synchronise(int id, int threads);
    std::string description() const override;

  private:
    int id_ = 0, wanted_ = 0;
};

/// Of a block.
struct Barriers {
    std::map<const void*, MemoryBarrier> in_memory;
    std::array<NamedBarrier, 16> named;

    void clear();
};

/// The stores of one thread that have not read shared memory yet, in groups.
class BulkStores {
  public:
    bool empty() const { return stores_.empty(); }
    void clear() { stores_.clear(), groups_ = 0; }
    void queue(const BoxCopy& copy) { stores_.push_back({copy, groups_}); }
    void commit() { ++groups_; }
    void land_groups(int remaining);

  private:
    struct Store {
        BoxCopy copy;
        int group;
    };
    std::vector<Store> stores_;
    int groups_ = 0;
};

/// Where a thread has written to shared memory since its last fence for bulk copies.
struct UnfencedWrites {
    const std::byte *begin = nullptr, *end = nullptr;

    void add(const std::byte* first, std::size_t bytes);
    bool overlap(const std::byte* first, std::size_t bytes) const {
        return begin < first + bytes && first < end;
    }
};

// ---- For the running thread

void note_shared_write(const void* shared, std::size_t bytes);
void fence_shared_writes();
void initialise_memory_barrier(const void* barrier, int arrivals);
void arrive_at_memory_barrier(const void* barrier, std::size_t expected_bytes);
void wait_at_memory_barrier(const void* barrier, unsigned parity);
void load_box(void* shared, const TensorMap& map, const void* barrier, const std::array<int, 4>& first);
void store_box(const TensorMap& map, const std::array<int, 4>& first, const void* shared);
void commit_stores();
void wait_stores(int groups_that_may_remain);
void synchronise_some(int barrier, int threads);

/// Addresses in the block's shared memory as the device has them: what descriptors and swizzles are made of.
/// All `bytes` bytes must lie in the dynamic shared memory.
std::uint32_t shared_address(const void* pointer, std::size_t bytes = 1);
std::byte* at_shared_address(std::uint32_t address, std::size_t bytes);

/// Where the chunk of 16 bytes at this address lies under the 128-byte swizzle.
constexpr std::uint32_t swizzled_128_bytes(std::uint32_t address) {
    return address ^ (address >> 7 & 7) << 4;
}

}  // namespace dnsp::simt::host
