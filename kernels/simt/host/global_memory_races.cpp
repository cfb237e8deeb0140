#include "kernels/simt/host/global_memory_races.hpp"

#include <algorithm>
#include <string>

#include "base/device/host/stream.hpp"
#include "kernels/simt/host/scheduler.hpp"

namespace dnsp::simt::host {
namespace {

constexpr std::size_t bytes_per_cell = 2;

const char* verb(Access kind) {
    if (kind == Access::read) return "reads";
    return kind == Access::write ? "writes" : "accesses atomically";
}

}  // namespace

void GlobalMemoryRaces::start_launch(std::uint64_t first_block) {
    first_block_ = static_cast<std::uint32_t>(first_block);
    last_ = nullptr;
    std::map<const std::byte*, Allocation> now;
    for (const auto& [begin, bytes] : device_allocations()) {
        const auto old = allocations_.find(begin);
        const bool kept = old != allocations_.end() && old->second.bytes == bytes;
        now.emplace(begin, kept ? std::move(old->second) : Allocation{bytes, nullptr});
    }
    allocations_ = std::move(now);
}

void GlobalMemoryRaces::access(int thread, Access kind, const std::byte* first, std::size_t bytes) {
    if (!last_ || first < last_begin_ || first >= last_begin_ + last_->bytes) {
        auto found = allocations_.upper_bound(first);
        if (found == allocations_.begin()) return;
        --found;
        if (first >= found->first + found->second.bytes) return;
        last_begin_ = found->first;
        last_ = &found->second;
        if (!last_->cells) {
            const std::size_t count = last_->bytes / bytes_per_cell + 1;
            last_->cells.reset(static_cast<Cell*>(std::calloc(count, sizeof(Cell))));
            if (!last_->cells) throw std::bad_alloc();
        }
    }
    const auto offset = static_cast<std::size_t>(first - last_begin_);
    const std::size_t end = std::min(offset + bytes, last_->bytes);
    Actor me{
        thread, static_cast<std::uint32_t>(running_block), order_.clock(thread), order_.known(thread), kind,
        first};
    for (std::size_t cell = offset / bytes_per_cell; cell * bytes_per_cell < end; ++cell) {
        me.address = last_begin_ + cell * bytes_per_cell;
        check(me, last_->cells[cell]);
        note(me, last_->cells[cell]);
    }
}

void GlobalMemoryRaces::check(const Actor& me, const Cell& c) const {
    const bool both_atomic = c.atomic && me.kind == Access::atomic;
    if (in_launch(c.write_block) && !both_atomic) {
        const char* const what = c.atomic ? "accessed atomically" : "written";
        const bool other = c.write_block != me.block || c.several_writers;
        if (other || (c.writer != me.thread && !me.known.covers(c.writer, c.write_clock)))
            report(me, c.write_block, c.writer, what);
    }
    if (in_launch(c.read_block) && me.kind != Access::read) {
        const bool other = c.read_block != me.block || c.read_by_more_blocks;
        const bool own = c.reader == me.thread && !c.several_readers;
        if (other || (!own && !reads_are_known(me, c))) report(me, c.read_block, c.reader, "read");
    }
}

bool GlobalMemoryRaces::reads_are_known(const Actor& me, const Cell& c) {
    return c.several_readers ? me.known.covers_all_threads(c.read_clock)
                             : me.known.covers(c.reader, c.read_clock);
}

void GlobalMemoryRaces::note(const Actor& me, Cell& c) const {
    const auto thread = static_cast<std::uint16_t>(me.thread);
    if (me.kind == Access::read) {
        const bool again = in_launch(c.read_block), same_block = again && c.read_block == me.block;
        c.read_by_more_blocks = again && (c.read_by_more_blocks || !same_block);
        // What happened before this read is forgotten: a write that is ordered after it comes after both.
        const bool kept = same_block && !reads_are_known(me, c);
        c.several_readers = kept && (c.several_readers || c.reader != thread);
        c.read_clock = kept ? std::max(c.read_clock, me.clock) : me.clock;
        c.read_block = me.block;
        c.reader = thread;
        return;
    }
    c.several_writers = in_launch(c.write_block) && (c.several_writers || c.write_block != me.block);
    c.atomic = me.kind == Access::atomic;
    c.write_block = me.block;
    c.write_clock = me.clock;
    c.writer = thread;
    c.read_block = 0;  // the reads are ordered before the write
}

void GlobalMemoryRaces::report(const Actor& me, std::uint32_t block, int thread, const char* what) const {
    const std::string who =
        scheduler.name_of_block(block - first_block_) + ", thread " + text(scheduler.index_of_thread(thread));
    throw Error("[CUDA emulator] race in " + scheduler.kernel_name() + ": block " + text(blockIdx) +
                ", thread " + text(threadIdx) + " " + verb(me.kind) + " byte " +
                std::to_string(me.address - last_begin_) + " of an array of " + std::to_string(last_->bytes) +
                " bytes in global memory, which " + who + " has " + what + "; nothing orders the two");
}

}  // namespace dnsp::simt::host
