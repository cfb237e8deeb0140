#pragma once

// Bulk tensor copies (TMA), mbarriers and named barriers.
//
// A load lands when a thread waits at its barrier and all expected bytes of the phase have been queued. Until
// then its target holds NaN. A store reads shared memory when the thread that started it waits. Ordinary
// stores become visible to bulk copies and wgmma only after fence.proxy.async: the race detector checks this,
// and without it UnfencedWrites the stores of stmatrix.
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kernels/simt/host/happens_before.hpp"
#include "kernels/simt/host/wait_list.hpp"
#include "kernels/simt/tensor_map.hpp"

namespace dnsp::simt::host {

enum class Access;

/// A box of a tensor map: its position in the array, and its address in shared memory.
struct BoxCopy {
    TensorMap map;
    std::array<int, 4> first;
    std::byte* shared;

    std::size_t bytes() const;
    /// load() writes to shared memory, with zeros out of bounds. store() reads it and skips what is out of
    /// bounds.
    void load() const;
    void store() const;
    /// Reports its access to the array to the search for races in global memory.
    void note_global_access(Access kind) const;
};

/// An mbarrier. Its phase ends when all counted threads have arrived and all expected bytes have landed.
class MemoryBarrier : public WaitList {
  public:
    explicit MemoryBarrier(int arrivals) : arrivals_(arrivals), missing_(arrivals) {}

    void arrive(std::size_t expected_bytes);
    void queue(const BoxCopy& copy);
    void wait(unsigned parity);
    std::string description() const override;
    bool has_unread_copies() const { return !copies_.empty(); }

    PassedKnowledge passed;  ///< for the race detector

  private:
    void end_phase_if_complete(bool awaited);

    int arrivals_, missing_;
    unsigned phase_ = 0;
    std::size_t expected_ = 0, queued_ = 0;
    std::vector<BoxCopy> copies_;
};

/// bar.sync for fewer threads than the block has.
class NamedBarrier : public WaitList {
  public:
    void synchronise(int id, int threads);
    std::string description() const override;

  private:
    int id_ = 0, wanted_ = 0;
};

/// The barriers of a block.
struct Barriers {
    std::map<const void*, MemoryBarrier> in_memory;
    std::array<NamedBarrier, 16> named;

    void clear();
};

/// One thread's stores that have not yet read shared memory, in groups.
class BulkStores {
  public:
    bool empty() const { return stores_.empty(); }
    void clear() { stores_.clear(), groups_ = 0; }
    void queue(const BoxCopy& copy);
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

/// Shared memory that a thread has written since its last fence for bulk copies.
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

/// The shared-memory address of a pointer as on the device, for descriptors and swizzles. All `bytes` bytes
/// must lie in dynamic shared memory.
std::uint32_t shared_address(const void* pointer, std::size_t bytes = 1);
std::byte* at_shared_address(std::uint32_t address, std::size_t bytes);

/// The address of a 16-byte chunk under the 128-byte swizzle.
constexpr std::uint32_t swizzled_128_bytes(std::uint32_t address) {
    return address ^ (address >> 7 & 7) << 4;
}

}  // namespace dnsp::simt::host
