#pragma once

// Which accesses to shared memory are ordered, by vector clocks (Flanagan and Freund, "FastTrack: Efficient
// and Precise Dynamic Race Detection", PLDI 2009).
//
// An agent is a thread, or what accesses shared memory beside the threads: the products of a warpgroup, and
// the bulk loads of an mbarrier. Each agent has a clock. An access of agent a at clock c happens before what
// a thread does next if the thread knows clock c of a. Threads learn clocks where they synchronise.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace dnsp::simt::host {

using Clock = std::uint32_t;

constexpr int max_threads = 1024, lanes_per_warp = 32;
// Agents are numbered: threads, products of a warpgroup, bulk loads of an mbarrier.
constexpr int first_products = max_threads, max_warpgroups = 8, first_loads = first_products + max_warpgroups,
              max_memory_barriers = 120, agent_count = first_loads + max_memory_barriers;

/// The largest known clock of each agent.
class Knowledge {
  public:
    bool covers(int agent, Clock clock) const {
        const auto a = static_cast<std::size_t>(agent);
        return clock <= clocks_[a] ||
               (agent < max_threads && (clock <= of_all_threads_ || clock <= of_warps_[a / lanes_per_warp]));
    }
    /// False may be wrong.
    bool covers_all_threads(Clock clock) const { return clock <= of_all_threads_; }

    void learn(int agent, Clock clock) { raise(clocks_[static_cast<std::size_t>(agent)], clock); }
    void learn_warp(int warp, Clock clock) { raise(of_warps_[static_cast<std::size_t>(warp)], clock); }
    void learn_all_threads(Clock clock) { raise(of_all_threads_, clock); }
    void join(const Knowledge& other);
    /// Joins what the other knows of agents that are no threads.
    void join_others(const Knowledge& other);

  private:
    static void raise(Clock& mine, Clock other) { mine = std::max(mine, other); }

    Clock of_all_threads_ = 0;
    std::array<Clock, max_threads / lanes_per_warp> of_warps_{};
    std::array<Clock, agent_count> clocks_{};
};

/// Knowledge that threads share until one of them learns more. Not for several OS threads.
class SharedKnowledge {
  public:
    SharedKnowledge() = default;
    SharedKnowledge(const SharedKnowledge& other) : counted_(other.counted_) {
        if (counted_) ++counted_->users;
    }
    SharedKnowledge(SharedKnowledge&& other) noexcept : counted_(std::exchange(other.counted_, nullptr)) {}
    SharedKnowledge& operator=(SharedKnowledge other) noexcept {
        std::swap(counted_, other.counted_);
        return *this;
    }
    ~SharedKnowledge() {
        if (counted_ && --counted_->users == 0) delete counted_;
    }

    explicit operator bool() const { return counted_ != nullptr; }
    const Knowledge& operator*() const { return counted_->knowledge; }
    const Knowledge* operator->() const { return &counted_->knowledge; }
    /// Number of SharedKnowledge that share it.
    int users() const { return counted_ ? counted_->users : 0; }
    bool operator==(const SharedKnowledge& other) const { return counted_ == other.counted_; }
    /// For changes that all users see.
    Knowledge& of_all_users() { return counted_->knowledge; }
    /// For changes that no other user sees.
    Knowledge& own();

  private:
    struct Counted {
        Knowledge knowledge;
        int users = 1;
    };
    Counted* counted_ = nullptr;
};

/// What an mbarrier passes on from the threads that arrive to those that wait.
struct PassedKnowledge {
    int agent = 0;  ///< of its bulk loads
    SharedKnowledge arriving, completed;
};

/// The clocks of a block's threads, and what the threads know.
class HappensBefore {
  public:
    /// All that has happened before is ordered before all that follows. Returns false if the clocks begin
    /// anew, because they ran out: what was recorded before must be forgotten.
    bool start_block(int threads);

    Clock clock(int thread) const { return threads_[static_cast<std::size_t>(thread)].clock; }
    const Knowledge& known(int thread) const { return *threads_[static_cast<std::size_t>(thread)].known; }
    const SharedKnowledge& shared_known(int thread) const {
        return threads_[static_cast<std::size_t>(thread)].known;
    }
    /// True for accesses of earlier blocks.
    bool precedes_block(int agent, Clock clock) const { return start_->covers(agent, clock); }

    void synchronise_block();
    /// The lanes of a mask, of the warp that begins with thread `first`.
    void synchronise_lanes(int first, unsigned mask);
    void synchronise(std::span<const int> threads);

    PassedKnowledge new_memory_barrier();
    void arrive(int thread, PassedKnowledge& barrier);
    void end_phase(PassedKnowledge& barrier) { barrier.completed = barrier.arriving; }
    void wait(int thread, const PassedKnowledge& barrier);

    /// The next clock of an agent that is no thread.
    Clock tick(int agent) { return ++other_clocks_[static_cast<std::size_t>(agent - max_threads)]; }
    void learn(int thread, int agent, Clock clock);

    /// A fence between the thread's accesses and those of bulk copies and products.
    void fence(int thread);
    /// True if a fence lies between the access of agent `writer` and a later operation of `thread`: the
    /// writer fenced, and `thread` knows that, or `thread` fenced when it knew the access.
    bool fenced(int writer, Clock clock, int thread) const;

  private:
    struct Thread {
        Clock clock = 1;
        SharedKnowledge known;
        SharedKnowledge at_fence;     ///< what it knew at its last fence; empty without one
        std::vector<Clock> fences{};  ///< its clocks at its fences
    };
    /// The last thread's change of knowledge: neighbouring threads often make the same.
    struct Change {
        SharedKnowledge before, cause, after;
        int agent = -1;
        Clock clock = 0;
    };
    Thread& thread(int i) { return threads_[static_cast<std::size_t>(i)]; }
    template <class Numbers>
    SharedKnowledge joined(const Numbers& threads, bool whole_block);

    int count_ = 0;
    std::vector<Thread> threads_ = std::vector<Thread>(max_threads);
    std::array<Clock, agent_count - max_threads> other_clocks_{};
    SharedKnowledge start_;
    Change last_change_;
    int memory_barriers_ = 0;
};

}  // namespace dnsp::simt::host
