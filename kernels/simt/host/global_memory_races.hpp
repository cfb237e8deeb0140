#pragma once

// Finds races in global memory: two accesses to an address during one launch, at least one of them a write
// and not both atomic, by threads of different blocks, which nothing orders, or by threads of one block
// without an order between them (happens_before.hpp). A race ends the launch with an error.
//
// Accesses are checked in pairs of bytes: two threads that write neighbouring bytes count as a race. Of
// several readers in one block, only the last clock is kept: a write after them needs a barrier of the whole
// block.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <vector>

#include "kernels/simt/host/happens_before.hpp"
#include "kernels/simt/host/race_detector.hpp"

namespace dnsp::simt::host {

class GlobalMemoryRaces {
  public:
    explicit GlobalMemoryRaces(const HappensBefore& order) : order_(order) {}

    /// Looks up the memory of the device. What earlier launches accessed is ordered before. `first_block`:
    /// running_block of the launch's first block.
    void start_launch(std::uint64_t first_block);

    /// A read, write or atomic operation of the running thread. Addresses that are not in the memory of the
    /// device are ignored. Throws dnsp::Error for a race.
    void access(int thread, Access kind, const std::byte* first, std::size_t bytes);

  private:
    /// The last write and the reads since then of two bytes. Blocks are numbers as running_block; those of
    /// earlier launches are out of date.
    struct Cell {
        std::uint32_t write_block, read_block;
        Clock write_clock, read_clock;  ///< read_clock: the largest of all readers
        std::uint16_t writer, reader;
        bool atomic;               ///< the write was atomic
        bool several_writers;      ///< atomic operations of several blocks
        bool several_readers;      ///< threads of read_block
        bool read_by_more_blocks;  ///< other blocks of the launch than read_block
    };
    struct Free {
        void operator()(void* memory) const { std::free(memory); }
    };
    /// An allocation. Its cells are made at the first access; the system provides zeros when they are used.
    struct Allocation {
        std::size_t bytes;
        std::unique_ptr<Cell[], Free> cells;
    };
    struct Actor {
        int thread;
        std::uint32_t block;
        Clock clock;
        const Knowledge& known;
        Access kind;
        const std::byte* address;
    };

    void check(const Actor& me, const Cell& cell) const;
    static bool reads_are_known(const Actor& me, const Cell& cell);
    void note(const Actor& me, Cell& cell) const;
    bool in_launch(std::uint32_t block) const { return block >= first_block_; }
    [[noreturn]] void report(const Actor& me, std::uint32_t block, int thread, const char* what) const;

    const HappensBefore& order_;
    std::uint32_t first_block_ = 1;
    std::map<const std::byte*, Allocation> allocations_;
    Allocation* last_ = nullptr;  ///< of the last access, which begins at last_begin_
    const std::byte* last_begin_ = nullptr;
};

}  // namespace dnsp::simt::host
