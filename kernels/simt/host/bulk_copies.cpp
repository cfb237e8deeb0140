#include "kernels/simt/host/bulk_copies.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/simt/host/scheduler.hpp"

namespace dnsp::simt {
namespace {

/// The emulator's content of a tensor map.
struct Layout {
    const std::byte* array;
    std::array<std::int64_t, 4> extents;
    std::array<int, 4> box;
};
struct LayoutInMap {
    alignas(128) Layout layout;
    std::array<unsigned char, sizeof(TensorMap) - sizeof(Layout)> unused{};
};

constexpr std::size_t row_bytes = 128, chunk_bytes = 16, pattern_bytes = 1024, element_bytes = 2;

Layout layout_of(const TensorMap& map) { return std::bit_cast<LayoutInMap>(map).layout; }

}  // namespace

TensorMap make_tensor_map(const void* array, const std::array<std::int64_t, 4>& extents,
                          const std::array<int, 4>& box) {
    require(reinterpret_cast<std::uintptr_t>(array) % 16 == 0 && extents[0] % 8 == 0,
            "[CUDA emulator] the rows of a tensor map begin at multiples of 16 bytes");
    for (const std::int64_t extent : extents)
        require(extent >= 1 && extent < std::int64_t{1} << 32,
                "[CUDA emulator] an extent of a tensor map is 1 to 2³² − 1");
    for (const int side : box)
        require(side >= 1 && side <= 256, "[CUDA emulator] the sides of a box are 1 to 256");
    require(box[0] * element_bytes == row_bytes, "[CUDA emulator] a row of a box has 128 bytes");
    return std::bit_cast<TensorMap>(LayoutInMap{{static_cast<const std::byte*>(array), extents, box}});
}

namespace host {
namespace {

/// Calls body(unswizzled offset of a 16-byte chunk from the start of the box, its address in the array or
/// null if out of bounds).
template <class Body>
void for_each_chunk(const BoxCopy& copy, Body body) {
    const auto [array, extents, box] = layout_of(copy.map);
    std::size_t offset = 0;
    for (int n = 0; n < box[3]; ++n)
        for (int y = 0; y < box[2]; ++y)
            for (int x = 0; x < box[1]; ++x)
                for (int c = 0; c < box[0]; c += chunk_bytes / element_bytes, offset += chunk_bytes) {
                    const std::array<std::int64_t, 4> at{copy.first[0] + c, copy.first[1] + x,
                                                         copy.first[2] + y, copy.first[3] + n};
                    bool inside = true;
                    for (std::size_t i = 0; i < 4; ++i) inside = inside && at[i] >= 0 && at[i] < extents[i];
                    const std::int64_t element =
                        ((at[3] * extents[2] + at[2]) * extents[1] + at[1]) * extents[0] + at[0];
                    body(offset, inside ? array + element * std::int64_t{element_bytes} : nullptr);
                }
}

std::byte* in_shared_memory(const BoxCopy& copy, std::size_t offset) {
    const auto address = shared_address(copy.shared) + static_cast<std::uint32_t>(offset);
    return at_shared_address(swizzled_128_bytes(address), chunk_bytes);
}

BoxCopy checked_copy(const TensorMap& map, const std::array<int, 4>& first, const void* shared) {
    const BoxCopy copy{map, first, static_cast<std::byte*>(const_cast<void*>(shared))};
    if (shared_address(shared, copy.bytes()) % pattern_bytes != 0)
        fail("a box in shared memory does not begin at a multiple of 1024 bytes");
    if (scheduler.has_unfenced_writes(copy.shared, copy.bytes()))
        fail("a bulk copy from or to what a thread has written without fence_for_bulk_copies()");
    if (first[0] % static_cast<int>(chunk_bytes / element_bytes) != 0)
        fail("the CUDA emulator copies boxes from every eighth element on");
    return copy;
}

MemoryBarrier& find(const void* barrier) {
    auto& barriers = scheduler.barriers().in_memory;
    const auto found = barriers.find(barrier);
    if (found == barriers.end()) fail("an mbarrier is used before it is initialised");
    if (RaceDetector* races = scheduler.races())
        races->use_memory_barrier(scheduler.thread().number, static_cast<const std::byte*>(barrier));
    return found->second;
}

std::string count(std::size_t number, const char* what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

}  // namespace

std::size_t BoxCopy::bytes() const {
    const auto box = layout_of(map).box;
    return row_bytes * static_cast<std::size_t>(box[1] * box[2] * box[3]);
}

void BoxCopy::load() const {
    for_each_chunk(*this, [&](std::size_t offset, const std::byte* source) {
        std::byte* target = in_shared_memory(*this, offset);
        if (source)
            std::memcpy(target, source, chunk_bytes);
        else
            std::memset(target, 0, chunk_bytes);
    });
}

void BoxCopy::store() const {
    for_each_chunk(*this, [&](std::size_t offset, const std::byte* target) {
        if (target) std::memcpy(const_cast<std::byte*>(target), in_shared_memory(*this, offset), chunk_bytes);
    });
}

void BoxCopy::note_global_access(Access kind) const {
    if (!watches_global_memory) return;
    for_each_chunk(*this, [&](std::size_t, const std::byte* chunk) {
        if (chunk) scheduler.note_global_access(kind, chunk, chunk_bytes);
    });
}

// ---- Barriers in shared memory

void MemoryBarrier::arrive(std::size_t expected_bytes) {
    end_phase_if_complete(true);  // for a phase that completed since the last call
    if (missing_ == 0) fail("more threads arrive at an mbarrier than it counts");
    expected_ += expected_bytes;
    if (RaceDetector* races = scheduler.races()) races->order.arrive(scheduler.thread().number, passed);
    --missing_;
    end_phase_if_complete(!threads.empty());
}

void MemoryBarrier::queue(const BoxCopy& copy) {
    if (RaceDetector* races = scheduler.races())
        races->start_load(scheduler.thread().number, passed, copy.shared, copy.bytes());
    copy.note_global_access(Access::read);
    std::memset(copy.shared, 0xFF, copy.bytes());
    copies_.push_back(copy);
    queued_ += copy.bytes();
    end_phase_if_complete(!threads.empty());
}

void MemoryBarrier::wait(unsigned parity) {
    while ((phase_ & 1u) == parity) {
        scheduler.enlist(*this);
        end_phase_if_complete(true);
        scheduler.pause();
    }
    if (RaceDetector* races = scheduler.races()) races->order.wait(scheduler.thread().number, passed);
}

void MemoryBarrier::end_phase_if_complete(bool awaited) {
    if (missing_ > 0) return;
    RaceDetector* const races = scheduler.races();
    if (expected_ > 0) {
        if (queued_ > expected_) fail("more bytes are on their way than their mbarrier expects");
        if (queued_ < expected_ || !awaited) return;
        for (const BoxCopy& copy : copies_) {
            copy.load();
            if (races) races->land_load(passed, copy.shared, copy.bytes());
        }
        copies_.clear();
        expected_ = queued_ = 0;
    }
    ++phase_;
    missing_ = arrivals_;
    if (races) races->order.end_phase(passed);
    scheduler.release(*this);
}

std::string MemoryBarrier::description() const {
    return " at an mbarrier in phase " + std::to_string(phase_) + " (" +
           count(static_cast<std::size_t>(missing_), "arrival") + " missing, " + std::to_string(queued_) +
           " of " + count(expected_, "byte") + " on their way)";
}

void initialise_memory_barrier(const void* barrier, int arrivals) {
    if (arrivals < 1) fail("an mbarrier must count at least one arrival");
    const auto [place, is_new] = scheduler.barriers().in_memory.try_emplace(barrier, arrivals);
    if (!is_new) fail("an mbarrier is initialised twice");
    if (RaceDetector* races = scheduler.races()) {
        races->access(scheduler.thread().number, Access::write, static_cast<const std::byte*>(barrier),
                      sizeof(std::uint64_t));
        place->second.passed = races->order.new_memory_barrier();
    }
}
void arrive_at_memory_barrier(const void* barrier, std::size_t expected_bytes) {
    find(barrier).arrive(expected_bytes);
}
void wait_at_memory_barrier(const void* barrier, unsigned parity) { find(barrier).wait(parity); }

void load_box(void* shared, const TensorMap& map, const void* barrier, const std::array<int, 4>& first) {
    find(barrier).queue(checked_copy(map, first, shared));
}

// ---- Named barriers

void NamedBarrier::synchronise(int id, int wanted) {
    if (wanted % warpSize != 0) fail("a named barrier is for whole warps");
    if (!threads.empty() && wanted != wanted_) fail("threads meet at a named barrier for different numbers");
    id_ = id;
    wanted_ = wanted;
    scheduler.enlist(*this);
    if (static_cast<int>(threads.size()) == wanted) {
        if (RaceDetector* races = scheduler.races()) races->order.synchronise(threads);
        scheduler.release(*this);
    }
    scheduler.pause();
}

std::string NamedBarrier::description() const {
    return " at named barrier " + std::to_string(id_) + " of " + std::to_string(wanted_) + " threads";
}

void synchronise_some(int barrier, int threads) {
    if (barrier < 1 || barrier > 15) fail("named barriers are 1 to 15");
    scheduler.barriers().named[static_cast<std::size_t>(barrier)].synchronise(barrier, threads);
}

void Barriers::clear() {
    in_memory.clear();
    for (NamedBarrier& barrier : named) barrier.threads.clear();
}

// ---- Stores

void BulkStores::queue(const BoxCopy& copy) {
    if (RaceDetector* races = scheduler.races())
        races->start_store(scheduler.thread().number, copy.shared, copy.bytes());
    copy.note_global_access(Access::write);
    stores_.push_back({copy, groups_});
}

void BulkStores::land_groups(int remaining) {
    const auto end = std::find_if(stores_.begin(), stores_.end(),
                                  [&](const Store& store) { return store.group >= groups_ - remaining; });
    std::for_each(stores_.begin(), end, [](const Store& store) {
        store.copy.store();
        if (RaceDetector* races = scheduler.races())
            races->land_store(scheduler.thread().number, store.copy.shared, store.copy.bytes());
    });
    stores_.erase(stores_.begin(), end);
}

void store_box(const TensorMap& map, const std::array<int, 4>& first, const void* shared) {
    scheduler.thread().stores.queue(checked_copy(map, first, shared));
}
void commit_stores() { scheduler.thread().stores.commit(); }
void wait_stores(int groups_that_may_remain) {
    scheduler.thread().stores.land_groups(groups_that_may_remain);
}

void UnfencedWrites::add(const std::byte* first, std::size_t bytes) {
    begin = begin ? std::min(begin, first) : first;
    end = std::max(end, first + bytes);
}
void note_shared_write(const void* shared, std::size_t bytes) {
    scheduler.thread().unfenced.add(static_cast<const std::byte*>(shared), bytes);
}
void fence_shared_writes() {
    Thread& me = scheduler.thread();
    me.unfenced = {};
    if (RaceDetector* races = scheduler.races()) races->order.fence(me.number);
}

std::uint32_t shared_address(const void* pointer, std::size_t bytes) {
    return scheduler.shared_address(pointer, bytes);
}
std::byte* at_shared_address(std::uint32_t address, std::size_t bytes) {
    return scheduler.at_shared_address(address, bytes);
}

}  // namespace host
}  // namespace dnsp::simt
