#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

namespace dnsp::simt::host {

/// For the race detector: a copy of the running thread has landed.
void note_landed_copy(const std::byte* target, std::size_t bytes);

/// The pending asynchronous copies of one thread, in the order in which they were started.
class AsynchronousCopies {
  public:
    bool empty() const { return copies_.empty(); }

    void clear() {
        copies_.clear();
        groups_ = 0;
    }

    void queue(void* target, const void* source, std::size_t bytes, std::size_t zero_filled_from) {
        copies_.push_back(
            {static_cast<std::byte*>(target), source, bytes, std::min(zero_filled_from, bytes), groups_});
    }

    void commit() { ++groups_; }

    /// Completes the copies of all groups except the last `remaining`.
    void land_groups(int remaining) {
        land_until([last = groups_ - remaining](const Copy& copy) { return copy.group >= last; });
    }

    void land_all() {
        land_until([](const Copy&) { return false; });
    }

  private:
    struct Copy {
        std::byte* target;
        const void* source;
        std::size_t bytes, zero_filled_from;
        int group;  ///< number of groups committed before
    };

    template <class Predicate>
    void land_until(Predicate still_in_flight) {
        const auto end = std::find_if(copies_.begin(), copies_.end(), still_in_flight);
        for (auto copy = copies_.begin(); copy != end; ++copy) {
            if (copy->zero_filled_from > 0) std::memcpy(copy->target, copy->source, copy->zero_filled_from);
            std::memset(copy->target + copy->zero_filled_from, 0, copy->bytes - copy->zero_filled_from);
            note_landed_copy(copy->target, copy->bytes);
        }
        copies_.erase(copies_.begin(), end);
    }

    std::vector<Copy> copies_;
    int groups_ = 0;
};

}  // namespace dnsp::simt::host
