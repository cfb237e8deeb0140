#pragma once

// Finds races in shared memory: two accesses to a byte, at least one of them a write, by different threads
// and without an order between them (happens_before.hpp). A race is found in every order of the threads that
// runs both accesses and synchronises no otherwise unordered threads in between, also when the written values
// are equal. It ends the launch with an error.
//
// The compiler reports the accesses of kernels: -fsanitize=thread inserts a call before each
// (instrumentation.cpp). Calls of library functions such as memcpy are not reported.
//
// Asynchronous copies, bulk copies and wgmma access shared memory from their start until they are waited for:
// - cp.async writes. Until its thread has waited, an access of any thread is a race. Then it counts as a
// write
//   of that thread.
// - A bulk load writes. It is ordered before what a thread does after a wait at its mbarrier.
// - A bulk store reads until its thread has waited.
// - wgmma reads until a thread of the warpgroup has waited, and before what this thread does then.
// Bulk copies and wgmma need a fence between an ordinary write and their access: the writer's, or that of the
// thread that starts the operation. After ordinary reads they need none.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/simt/host/happens_before.hpp"
#include "kernels/simt/host/shadow_memory.hpp"

namespace dnsp::simt::host {

enum class Access { read, write, atomic, copy, bulk_load, bulk_store, product };

/// One cell for each run of a product's operands whose cells say the same of writes. The 128 threads of a
/// warpgroup start a product one after the other: all but the first check these cells only.
struct OperandCells {
    std::vector<std::size_t> cells;
    std::uint64_t writes = 0;  ///< state of shared memory when they were chosen
};

/// Functions that take a thread are called for the running thread, before its access. They throw dnsp::Error
/// for a race.
class RaceDetector {
  public:
    /// Unless `checked`, only add_array() and is_shared() may be called until the next block starts.
    void start_block(int threads, const std::byte* dynamic, std::size_t dynamic_bytes, bool checked);
    /// Adds a static array of the block.
    void add_array(const std::byte* elements, std::size_t bytes) { memory_.add_array(elements, bytes); }
    bool is_shared(const std::byte* address) const { return memory_.is_shared(address); }

    /// A read, write, atomic operation, or the start of a copy. Addresses outside shared memory are ignored.
    void access(int thread, Access kind, const std::byte* first, std::size_t bytes);
    void land_copy(int thread, const std::byte* first, std::size_t bytes);

    void start_load(int thread, const PassedKnowledge& barrier, const std::byte* first, std::size_t bytes);
    void land_load(PassedKnowledge& barrier, const std::byte* first, std::size_t bytes);
    void start_store(int thread, const std::byte* first, std::size_t bytes);
    void land_store(int thread, const std::byte* first, std::size_t bytes);

    /// The operands of a product are chunks of 16 bytes. Every thread of the warpgroup starts it, in any
    /// order. `chosen` belongs to the product.
    void check_operands(int thread, std::span<const std::byte* const> chunks, OperandCells& chosen);
    void start_product(std::span<const std::byte* const> chunks);
    /// Returns the clock to be learned by the threads that wait.
    Clock land_product(int warpgroup, std::span<const std::byte* const> chunks);

    /// Other operations on an mbarrier than its initialisation, which is a write, order themselves.
    void use_memory_barrier(int thread, const std::byte* barrier);

    HappensBefore order;

  private:
    struct Actor {
        int thread;
        Clock clock;
        const Knowledge& known;
        Access kind;
    };
    /// Operations that have started and not landed.
    struct AsyncReaders {
        std::uint16_t stores = 0, products = 0;
    };

    Actor actor(int thread, Access kind) const {
        return {thread, order.clock(thread), order.known(thread), kind};
    }
    void check_write(const Actor& me, std::size_t cell) const;
    void check_readers(const Actor& me, std::size_t cell) const;
    void check_async_readers(const Actor& me, std::size_t cell) const;
    void check_fence(const Actor& me, std::size_t cell) const;
    void check_async_read(const Actor& me, std::size_t cell) const;
    void choose_cells(std::span<const std::byte* const> chunks, OperandCells& chosen);
    void add_async_readers(const std::byte* first, std::size_t bytes, int stores, int products);
    [[noreturn]] void report(const Actor& me, std::size_t cell, const std::string& what) const;

    ShadowMemory memory_;
    std::vector<AsyncReaders> async_readers_;  ///< of words of dynamic shared memory
    int async_reads_ = 0;
    std::uint64_t writes_ = 1;  ///< counts changes of what cells say of writes and atomic accesses
};

}  // namespace dnsp::simt::host
