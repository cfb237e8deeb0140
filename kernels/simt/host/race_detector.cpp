#include "kernels/simt/host/race_detector.hpp"

#include "kernels/simt/host/scheduler.hpp"
#include "kernels/simt/host/symbol_names.hpp"

namespace dnsp::simt::host {
namespace {

constexpr std::size_t chunk_bytes = 16;

const char* verb(Access kind) {
    switch (kind) {
        case Access::read:
            return "reads";
        case Access::write:
            return "writes";
        case Access::atomic:
            return "accesses atomically";
        case Access::copy:
            return "starts an asynchronous copy to";
        case Access::bulk_load:
            return "starts a bulk load to";
        case Access::bulk_store:
            return "starts a bulk store of";
        case Access::product:
            break;
    }
    return "starts a product (wgmma) of";
}

std::string name_of(int agent) {
    if (agent >= first_loads) return "a bulk load";
    if (agent >= first_products)
        return "a product (wgmma) of warpgroup " + std::to_string(agent - first_products);
    const auto n = static_cast<unsigned>(agent);
    return "thread " + text({n % blockDim.x, n / blockDim.x % blockDim.y, n / blockDim.x / blockDim.y});
}

/// The variable without its scopes.
std::string name_of_array(const std::byte* array) {
    if (!array) return "dynamic shared memory";
    const std::string symbol = symbol_name(array);
    const std::size_t colons = symbol.rfind("::");
    return colons == std::string::npos ? "a shared array" : symbol.substr(colons + 2);
}

}  // namespace

void RaceDetector::start_block(int threads, const std::byte* dynamic, std::size_t dynamic_bytes,
                               bool checked) {
    memory_.start_block(dynamic, dynamic_bytes);
    ++writes_;
    if (!checked) return;
    memory_.make_cells();
    if (!order.start_block(threads)) memory_.forget_all();
    async_readers_.assign(memory_.dynamic_words(), {});
    async_reads_ = 0;
}

// ---- Checks

void RaceDetector::check_write(const Actor& me, std::size_t cell) const {
    const Cell& c = memory_[cell];
    if (c.in_flight && !order.precedes_block(c.writer, c.write_clock))
        report(
            me, cell,
            name_of(c.writer) + (c.writer < max_threads ? " is copying to asynchronously" : " is writing"));
    if (c.writer != me.thread && !me.known.covers(c.writer, c.write_clock))
        report(me, cell, name_of(c.writer) + " has written");
}

void RaceDetector::check_readers(const Actor& me, std::size_t cell) const {
    const Cell& c = memory_[cell];
    const bool only_threads = c.readers >> (max_threads / lanes_per_warp) == 0;
    if (c.readers == 0 || (only_threads && me.known.covers_all_threads(c.last_read))) return;
    memory_.for_each_read(cell, [&](int agent, Clock clock) {
        if (agent != me.thread && !me.known.covers(agent, clock))
            report(me, cell, name_of(agent) + (c.atomic ? " has accessed atomically" : " has read"));
    });
}

void RaceDetector::check_async_readers(const Actor& me, std::size_t cell) const {
    if (async_reads_ == 0) return;
    const std::size_t word = ShadowMemory::word_of(cell);
    if (word >= async_readers_.size()) return;
    if (async_readers_[word].stores > 0) report(me, cell, "a bulk store that was not waited for reads");
    if (async_readers_[word].products > 0)
        report(me, cell, "a product (wgmma) that was not waited for reads");
}

void RaceDetector::check_fence(const Actor& me, std::size_t cell) const {
    const Cell& c = memory_[cell];
    if (!order.precedes_block(c.writer, c.write_clock) && !order.fenced(c.writer, c.write_clock, me.thread))
        report(me, cell, name_of(c.writer) + " has written without fence_for_bulk_copies()");
}

void RaceDetector::report(const Actor& me, std::size_t cell, const std::string& what) const {
    const auto [array, offset] = memory_.place_of(cell);
    throw Error("[CUDA emulator] race in " + scheduler.kernel_name() + ": block " + text(blockIdx) + ", " +
                name_of(me.thread) + " " + verb(me.kind) + " byte " + std::to_string(offset) + " of " +
                name_of_array(array) + ", which " + what + "; nothing orders the two");
}

// ---- Threads

void RaceDetector::access(int thread, Access kind, const std::byte* first, std::size_t bytes) {
    const Actor me = actor(thread, kind);
    const bool writes = kind == Access::write || kind == Access::copy;
    if (kind != Access::read) ++writes_;
    memory_.for_each_cell(first, bytes, writes, [&](std::size_t cell) {
        Cell& c = memory_[cell];
        check_write(me, cell);
        if (writes || c.atomic != (kind == Access::atomic)) {
            check_readers(me, cell);
            if (!writes) {
                memory_.note_write(cell, c.writer, c.write_clock);  // forgets the readers
                ++writes_;
            }
        }
        if (kind != Access::read) check_async_readers(me, cell);
        if (writes) {
            memory_.note_write(cell, thread, me.clock);
            c.in_flight = kind == Access::copy;
        } else {
            c.atomic = kind == Access::atomic;
            memory_.note_read(cell, thread, me.clock, me.known);
        }
    });
}

void RaceDetector::land_copy(int thread, const std::byte* first, std::size_t bytes) {
    ++writes_;
    memory_.for_each_cell(first, bytes, true,
                          [&](std::size_t cell) { memory_.note_write(cell, thread, order.clock(thread)); });
}

void RaceDetector::use_memory_barrier(int thread, const std::byte* barrier) {
    const Actor me = actor(thread, Access::read);
    memory_.for_each_cell(barrier, sizeof(std::uint64_t), false,
                          [&](std::size_t cell) { check_write(me, cell); });
}

// ---- Bulk copies and wgmma

void RaceDetector::start_load(int thread, const PassedKnowledge& barrier, const std::byte* first,
                              std::size_t bytes) {
    const Actor me = actor(thread, Access::bulk_load);
    ++writes_;
    const Clock clock = order.tick(barrier.agent);
    memory_.for_each_cell(first, bytes, true, [&](std::size_t cell) {
        check_write(me, cell);
        check_readers(me, cell);
        check_async_readers(me, cell);
        check_fence(me, cell);
        memory_.note_write(cell, barrier.agent, clock);
        memory_[cell].in_flight = true;
    });
}

void RaceDetector::land_load(PassedKnowledge& barrier, const std::byte* first, std::size_t bytes) {
    Knowledge& arriving = barrier.arriving.own();
    ++writes_;
    memory_.for_each_cell(first, bytes, false, [&](std::size_t cell) {
        memory_[cell].in_flight = false;
        arriving.learn(barrier.agent, memory_[cell].write_clock);
    });
}

void RaceDetector::check_async_read(const Actor& me, std::size_t cell) const {
    check_write(me, cell);
    if (memory_[cell].atomic) check_readers(me, cell);
    check_fence(me, cell);
}

void RaceDetector::add_async_readers(const std::byte* first, std::size_t bytes, int stores, int products) {
    const std::size_t first_word = memory_.dynamic_word(first);
    for (std::size_t i = 0; i < bytes / ShadowMemory::word_bytes; ++i) {
        AsyncReaders& readers = async_readers_[first_word + i];
        readers.stores = static_cast<std::uint16_t>(readers.stores + stores);
        readers.products = static_cast<std::uint16_t>(readers.products + products);
    }
    async_reads_ += stores + products;
}

void RaceDetector::start_store(int thread, const std::byte* first, std::size_t bytes) {
    const Actor me = actor(thread, Access::bulk_store);
    memory_.for_each_cell(first, bytes, false, [&](std::size_t cell) { check_async_read(me, cell); });
    add_async_readers(first, bytes, 1, 0);
}

void RaceDetector::land_store(int thread, const std::byte* first, std::size_t bytes) {
    add_async_readers(first, bytes, -1, 0);
    memory_.for_each_cell(first, bytes, false, [&](std::size_t cell) {
        memory_.note_read(cell, thread, order.clock(thread), order.known(thread));
    });
}

void RaceDetector::check_operands(int thread, std::span<const std::byte* const> chunks,
                                  OperandCells& chosen) {
    const Actor me = actor(thread, Access::product);
    if (chosen.writes != writes_) choose_cells(chunks, chosen);
    for (const std::size_t cell : chosen.cells) check_async_read(me, cell);
}

void RaceDetector::choose_cells(std::span<const std::byte* const> chunks, OperandCells& chosen) {
    chosen.writes = writes_;
    chosen.cells.clear();
    Cell last;
    for (const std::byte* chunk : chunks)
        memory_.for_each_cell(chunk, chunk_bytes, false, [&](std::size_t cell) {
            const Cell& c = memory_[cell];
            const bool same = c.writer == last.writer && c.write_clock == last.write_clock &&
                              c.in_flight == last.in_flight && !c.atomic && !last.atomic;
            if (!chosen.cells.empty() && same) return;
            chosen.cells.push_back(cell);
            last = c;
        });
}

void RaceDetector::start_product(std::span<const std::byte* const> chunks) {
    for (const std::byte* chunk : chunks) add_async_readers(chunk, chunk_bytes, 0, 1);
}

Clock RaceDetector::land_product(int warpgroup, std::span<const std::byte* const> chunks) {
    const int agent = first_products + warpgroup;
    const Clock clock = order.tick(agent);
    for (const std::byte* chunk : chunks) {
        add_async_readers(chunk, chunk_bytes, 0, -1);
        memory_.for_each_cell(chunk, chunk_bytes, false, [&](std::size_t cell) {
            memory_.note_read(cell, agent, clock, order.known(warpgroup * 128));
        });
    }
    return clock;
}

}  // namespace dnsp::simt::host
