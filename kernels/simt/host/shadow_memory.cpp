#include "kernels/simt/host/shadow_memory.hpp"

#include "base/error.hpp"

namespace dnsp::simt::host {

void ShadowMemory::start_block(const std::byte* dynamic, std::size_t dynamic_bytes) {
    older_reads_.clear();
    regions_.clear();
    words_ = 0;
    add_array(dynamic, dynamic_bytes);
}

void ShadowMemory::make_cells() {
    if (!cells_.empty()) return;
    cells_.resize(max_cells);
    reads_.resize(max_warps + max_warpgroups);
}

void ShadowMemory::add_array(const std::byte* elements, std::size_t bytes) {
    regions_.push_back({elements, bytes, words_});
    words_ += words_in(bytes);
    require(words_ <= max_words, "[CUDA emulator] more shared arrays than the race detector supports");
}

ShadowMemory::Place ShadowMemory::place_of(std::size_t cell) const {
    const std::size_t word = word_of(cell), byte = cell < max_words ? 0 : (cell - max_words) % word_bytes;
    const auto region = std::find_if(regions_.rbegin(), regions_.rend(),
                                     [&](const Region& r) { return r.first_word <= word; });
    return {word < dynamic_words() ? nullptr : region->begin,
            (word - region->first_word) * word_bytes + byte};
}

void ShadowMemory::split(std::size_t word) {
    const Cell cell = cells_[word];
    for (std::size_t byte = 0; byte < word_bytes; ++byte) {
        cells_[byte_cell(word, byte)] = cell;
        for_each_bit(cell.readers, [&](int group) {
            Reads* const reads = reads_[static_cast<std::size_t>(group)].get();
            reads[byte_cell(word, byte)] = reads[word];
        });
        if (cell.older_reads) older_reads_[byte_cell(word, byte)] = older_reads_[word];
    }
    cells_[word].split = true;
}

void ShadowMemory::note_write(std::size_t cell, int agent, Clock clock) {
    Cell& c = cells_[cell];
    if (c.older_reads) older_reads_.erase(cell);
    c = Cell{};
    c.write_clock = clock;
    c.writer = static_cast<std::uint16_t>(agent);
}

void ShadowMemory::note_read(std::size_t cell, int agent, Clock clock, const Knowledge& known) {
    Cell& c = cells_[cell];
    const bool is_thread = agent < max_threads;
    const int group = is_thread ? agent / lanes_per_warp : max_warps + agent - first_products;
    const unsigned lane = is_thread ? 1u << agent % lanes_per_warp : 1u;
    auto& of_group = reads_[static_cast<std::size_t>(group)];
    if (!of_group) of_group = std::make_unique_for_overwrite<Reads[]>(max_cells);
    Reads& reads = of_group[cell];
    const std::uint64_t bit = std::uint64_t{1} << group;
    if ((c.readers & bit) == 0 || !is_thread) {
        reads = {clock, lane};
    } else if (reads.clock == clock) {
        reads.lanes |= lane;
    } else if (reads.clock < clock) {
        // Reads that happened before this one are dropped: what races with them also races with this one.
        for_each_bit(reads.lanes & ~lane, [&](int other) {
            const int reader = group * lanes_per_warp + other;
            if (!known.covers(reader, reads.clock)) note_older_read(cell, {reader, reads.clock});
        });
        reads = {clock, lane};
    } else {
        note_older_read(cell, {agent, clock});
    }
    c.readers |= bit;
    if (is_thread) c.last_read = std::max(c.last_read, clock);
}

void ShadowMemory::note_older_read(std::size_t cell, Read read) {
    auto& older = older_reads_[cell];
    if (!cells_[cell].older_reads) older.clear();
    cells_[cell].older_reads = true;
    const auto found =
        std::find_if(older.begin(), older.end(), [&](const Read& r) { return r.agent == read.agent; });
    if (found == older.end())
        older.push_back(read);
    else
        found->clock = std::max(found->clock, read.clock);
}

}  // namespace dnsp::simt::host
