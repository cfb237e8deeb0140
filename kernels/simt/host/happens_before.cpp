#include "kernels/simt/host/happens_before.hpp"

#include <bit>

#include "base/error.hpp"

namespace dnsp::simt::host {
namespace {

/// Numbers first, …, first + count − 1.
struct Consecutive {
    int first, count;

    int size() const { return count; }
    template <class Body>
    void for_each(Body body) const {
        for (int i = 0; i < count; ++i) body(first + i);
    }
};
struct Lanes {
    int first;
    unsigned mask;

    int size() const { return std::popcount(mask); }
    template <class Body>
    void for_each(Body body) const {
        for (unsigned rest = mask; rest != 0; rest &= rest - 1) body(first + std::countr_zero(rest));
    }
};
struct Listed {
    std::span<const int> threads;

    int size() const { return static_cast<int>(threads.size()); }
    template <class Body>
    void for_each(Body body) const {
        for (const int thread : threads) body(thread);
    }
};

}  // namespace

void Knowledge::join(const Knowledge& other) {
    raise(of_all_threads_, other.of_all_threads_);
    for (std::size_t i = 0; i < of_warps_.size(); ++i) raise(of_warps_[i], other.of_warps_[i]);
    for (std::size_t i = 0; i < clocks_.size(); ++i) raise(clocks_[i], other.clocks_[i]);
}

void Knowledge::join_others(const Knowledge& other) {
    for (std::size_t i = max_threads; i < clocks_.size(); ++i) raise(clocks_[i], other.clocks_[i]);
}

Knowledge& SharedKnowledge::own() {
    if (!counted_)
        counted_ = new Counted;
    else if (counted_->users > 1) {
        --counted_->users;
        counted_ = new Counted{counted_->knowledge, 1};
    }
    return counted_->knowledge;
}

bool HappensBefore::start_block(int threads) {
    // Leaves 2³¹ synchronisations for a block.
    constexpr Clock limit = Clock{1} << 31;
    Clock largest = 0;
    for (const Thread& t : threads_) largest = std::max(largest, t.clock);
    const bool run_out =
        std::max(largest, *std::max_element(other_clocks_.begin(), other_clocks_.end())) > limit;
    if (run_out) {
        largest = 0;
        other_clocks_ = {};
    }
    count_ = threads;
    start_ = {};
    start_.own().learn_all_threads(largest);
    for (std::size_t i = 0; i < other_clocks_.size(); ++i)
        start_.own().learn(max_threads + static_cast<int>(i), other_clocks_[i]);
    for (Thread& t : threads_) {
        t.clock = largest + 1;
        t.known = t.at_fence = {};
        t.fences.clear();
    }
    // A copy, because start_ must not change.
    SharedKnowledge known = start_;
    known.own();
    for (int i = 0; i < threads; ++i) thread(i).known = known;
    last_change_ = {};
    memory_barriers_ = 0;
    return !run_out;
}

/// What some of the threads know. The object of all threads if they share one with nobody else.
template <class Numbers>
SharedKnowledge HappensBefore::joined(const Numbers& threads, bool whole_block) {
    SharedKnowledge all;
    const SharedKnowledge* last = nullptr;
    threads.for_each([&](int i) {
        const SharedKnowledge& known = thread(i).known;
        if (last && *last == known) return;
        if (!last)
            all = known;
        else if (whole_block)
            all.own().join_others(*known);
        else
            all.own().join(*known);
        last = &known;
    });
    if (all.users() != threads.size() + 1) all.own();
    return all;
}

void HappensBefore::synchronise_block() {
    const Consecutive everyone{0, count_};
    SharedKnowledge all = joined(everyone, true);
    Clock largest = 0;
    everyone.for_each([&](int i) { largest = std::max(largest, thread(i).clock); });
    all.of_all_users().learn_all_threads(largest);
    everyone.for_each([&](int i) {
        thread(i).clock = largest + 1;
        if (!(thread(i).known == all)) thread(i).known = all;
    });
}

void HappensBefore::synchronise_lanes(int first, unsigned mask) {
    const Lanes lanes{first, mask};
    SharedKnowledge all = joined(lanes, false);
    const int lanes_there = std::min(lanes_per_warp, count_ - first);
    if (lanes.size() == lanes_there) {
        Clock largest = 0;
        lanes.for_each([&](int i) { largest = std::max(largest, thread(i).clock); });
        all.of_all_users().learn_warp(first / lanes_per_warp, largest);
        lanes.for_each([&](int i) { thread(i).clock = largest; });
    } else {
        lanes.for_each([&](int i) { all.of_all_users().learn(i, thread(i).clock); });
    }
    lanes.for_each([&](int i) {
        ++thread(i).clock;
        if (!(thread(i).known == all)) thread(i).known = all;
    });
}

void HappensBefore::synchronise(std::span<const int> threads) {
    const Listed listed{threads};
    SharedKnowledge all = joined(listed, false);
    for (const int i : threads) all.of_all_users().learn(i, thread(i).clock++);
    for (const int i : threads) thread(i).known = all;
}

PassedKnowledge HappensBefore::new_memory_barrier() {
    require(memory_barriers_ < max_memory_barriers,
            "[CUDA emulator] a block has more mbarriers than the race detector supports: " +
                std::to_string(max_memory_barriers));
    PassedKnowledge barrier{first_loads + memory_barriers_++, {}, {}};
    barrier.arriving.own();
    barrier.completed = barrier.arriving;
    return barrier;
}

void HappensBefore::arrive(int i, PassedKnowledge& barrier) {
    Knowledge& arriving = barrier.arriving.own();
    arriving.join(known(i));
    arriving.learn(i, thread(i).clock++);
}

void HappensBefore::wait(int i, const PassedKnowledge& barrier) {
    SharedKnowledge& known = thread(i).known;
    if (!(known == last_change_.before && last_change_.cause == barrier.completed)) {
        last_change_ = {known, barrier.completed, known};
        last_change_.after.own().join(*barrier.completed);
    }
    known = last_change_.after;
}

void HappensBefore::learn(int i, int agent, Clock clock) {
    SharedKnowledge& known = thread(i).known;
    if (known->covers(agent, clock)) return;
    if (!(known == last_change_.before && last_change_.agent == agent && last_change_.clock == clock)) {
        last_change_ = {known, {}, known, agent, clock};
        last_change_.after.own().learn(agent, clock);
    }
    known = last_change_.after;
}

void HappensBefore::fence(int i) {
    Thread& me = thread(i);
    me.fences.push_back(me.clock++);
    me.at_fence = me.known;
}

bool HappensBefore::fenced(int writer, Clock clock, int i) const {
    if (writer >= max_threads) return true;
    const Thread &me = threads_[static_cast<std::size_t>(i)],
                 &other = threads_[static_cast<std::size_t>(writer)];
    if (me.at_fence && me.at_fence->covers(writer, clock)) return true;
    const auto fence = std::lower_bound(other.fences.begin(), other.fences.end(), clock);
    return fence != other.fences.end() && (writer == i || me.known->covers(writer, *fence + 1));
}

}  // namespace dnsp::simt::host
