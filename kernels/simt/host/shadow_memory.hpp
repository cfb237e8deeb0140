#pragma once

// For each byte of a block's shared memory, the accesses that a later one may race with.
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "kernels/simt/host/happens_before.hpp"

namespace dnsp::simt::host {

/// The last write to one byte or to the four bytes of a word, and the reads since then.
struct Cell {
    Clock write_clock = 0;
    Clock last_read = 0;  ///< the largest clock of a reading thread
    std::uint16_t writer = 0;
    bool split = false;         ///< a word with a cell for each byte; only this member counts
    bool in_flight = false;     ///< an asynchronous copy or a bulk load is writing
    bool atomic = false;        ///< the readers are threads that accessed it atomically
    bool older_reads = false;   ///< there are reads beside those of `readers`
    std::uint64_t readers = 0;  ///< warps, then warpgroups whose products read it
};

class ShadowMemory {
  public:
    /// Cells keep what they hold of earlier blocks. It must be older than what the threads know.
    void start_block(const std::byte* dynamic, std::size_t dynamic_bytes);
    /// Must be called before cells are used for the first time.
    void make_cells();
    void forget_all() { std::fill(cells_.begin(), cells_.end(), Cell{}); }
    /// Adds a static array of the block.
    void add_array(const std::byte* elements, std::size_t bytes);
    bool is_shared(const std::byte* address) const { return region_of(address) != nullptr; }

    Cell& operator[](std::size_t cell) { return cells_[cell]; }
    const Cell& operator[](std::size_t cell) const { return cells_[cell]; }
    /// Calls body(cell) for the words that lie in an access, and for the bytes of other words. If `written`,
    /// all these cells must then have the same content.
    template <class Body>
    void for_each_cell(const std::byte* first, std::size_t bytes, bool written, Body body);

    void note_write(std::size_t cell, int agent, Clock clock);
    /// `known`: what the reading thread knows. Not used for other agents, whose reads are in order.
    void note_read(std::size_t cell, int agent, Clock clock, const Knowledge& known);
    /// Calls body(agent, clock) for the reads of a cell.
    template <class Body>
    void for_each_read(std::size_t cell, Body body) const;

    /// Position of a cell's word, counted from the start of dynamic shared memory; at least dynamic_words()
    /// if it lies in a static array.
    static std::size_t word_of(std::size_t cell) {
        return cell < max_words ? cell : (cell - max_words) / word_bytes;
    }
    std::size_t dynamic_words() const { return words_in(regions_.front().bytes); }
    /// Position of an address in dynamic shared memory.
    std::size_t dynamic_word(const std::byte* address) const {
        return static_cast<std::size_t>(address - regions_.front().begin) / word_bytes;
    }
    struct Place {
        const std::byte* array;  ///< null for dynamic shared memory
        std::size_t offset_bytes;
    };
    Place place_of(std::size_t cell) const;

    static constexpr std::size_t word_bytes = 4;

  private:
    struct Region {
        const std::byte* begin;
        std::size_t bytes, first_word;
    };
    struct Reads {
        Clock clock;
        unsigned lanes;
    };
    struct Read {
        int agent;
        Clock clock;
    };
    static constexpr int max_warps = max_threads / lanes_per_warp;
    /// The shared memory of a block, and the last word of each array.
    static constexpr std::size_t max_words = (227 << 10) / word_bytes + 1024;
    static constexpr std::size_t max_cells = max_words * (1 + word_bytes);

    static std::size_t words_in(std::size_t bytes) { return (bytes + word_bytes - 1) / word_bytes; }
    static std::size_t byte_cell(std::size_t word, std::size_t byte) {
        return max_words + word * word_bytes + byte;
    }
    template <class Body>
    static void for_each_bit(std::uint64_t bits, Body body) {
        for (; bits != 0; bits &= bits - 1) body(std::countr_zero(bits));
    }
    const Region* region_of(const std::byte* first) const {
        for (const Region& region : regions_)
            if (first >= region.begin && first < region.begin + region.bytes) return &region;
        return nullptr;
    }
    void split(std::size_t word);
    void note_older_read(std::size_t cell, Read read);

    std::vector<Region> regions_;                  ///< dynamic shared memory, then static arrays
    std::size_t words_ = 0;                        ///< of all regions
    std::vector<Cell> cells_;                      ///< of words, then of bytes
    std::vector<std::unique_ptr<Reads[]>> reads_;  ///< the last of a warp or warpgroup, by that and by cell
    std::unordered_map<std::size_t, std::vector<Read>> older_reads_;
};

template <class Body>
void ShadowMemory::for_each_cell(const std::byte* first, std::size_t bytes, bool written, Body body) {
    const Region* region = region_of(first);
    if (!region) return;
    const auto begin = static_cast<std::size_t>(first - region->begin),
               end = std::min(begin + bytes, region->bytes);
    for (std::size_t at = begin; at < end;) {
        const std::size_t word = region->first_word + at / word_bytes, first_byte = at % word_bytes,
                          end_byte = std::min(word_bytes, first_byte + (end - at));
        const bool whole = end_byte - first_byte == word_bytes;
        if (!whole && !cells_[word].split) split(word);
        if (!cells_[word].split) {
            body(word);
        } else {
            for (std::size_t byte = first_byte; byte < end_byte; ++byte) body(byte_cell(word, byte));
            if (whole && written) cells_[word] = cells_[byte_cell(word, 0)];
        }
        at += end_byte - first_byte;
    }
}

template <class Body>
void ShadowMemory::for_each_read(std::size_t cell, Body body) const {
    const Cell& c = cells_[cell];
    for_each_bit(c.readers, [&](int group) {
        const Reads& reads = reads_[static_cast<std::size_t>(group)][cell];
        if (group >= max_warps)
            body(first_products + group - max_warps, reads.clock);
        else
            for_each_bit(reads.lanes, [&](int lane) { body(group * lanes_per_warp + lane, reads.clock); });
    });
    if (!c.older_reads) return;
    for (const Read& read : older_reads_.at(cell)) body(read.agent, read.clock);
}

}  // namespace dnsp::simt::host
