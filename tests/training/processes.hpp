#pragma once

#include <barrier>
#include <cstring>
#include <span>
#include <thread>
#include <vector>

#include "tests/reference/arrays.hpp"
#include "training/processes.hpp"

namespace dnsp::testing {

/// Processes of one program. Each runs in a thread of its own.
struct Together {
    explicit Together(int count) : sent(static_cast<std::size_t>(count)), all(count) {}
    std::vector<const void*> sent;
    std::barrier<> all;
};
class ThreadProcess final : public Processes {
  public:
    ThreadProcess(Together& together, int rank) : together_(together), rank_(rank) {}
    int rank() const override { return rank_; }
    int count() const override { return static_cast<int>(together_.sent.size()); }
    void exchange(int other, const void* send, void* receive, std::size_t bytes) override {
        together_.sent[static_cast<std::size_t>(rank_)] = send;
        together_.all.arrive_and_wait();
        std::memcpy(receive, together_.sent[static_cast<std::size_t>(other)], bytes);
        together_.all.arrive_and_wait();
    }
    void add_up(std::span<float> values) override { add_up_all(values); }
    void add_up(std::span<double> values) override { add_up_all(values); }
    bool any(bool value) override {
        together_.sent[static_cast<std::size_t>(rank_)] = value ? this : nullptr;
        together_.all.arrive_and_wait();
        bool result = false;
        for (const void* flag : together_.sent) result = result || flag != nullptr;
        together_.all.arrive_and_wait();
        return result;
    }

  private:
    /// In the order of the ranks, from the last one on.
    template <class T>
    void add_up_all(std::span<T> values) {
        const std::vector<T> own(values.begin(), values.end());
        together_.sent[static_cast<std::size_t>(rank_)] = own.data();
        together_.all.arrive_and_wait();
        std::fill(values.begin(), values.end(), T(0));
        for (int other = count() - 1; other >= 0; --other)
            for (std::size_t i = 0; i < values.size(); ++i)
                values[i] += static_cast<const T*>(together_.sent[static_cast<std::size_t>(other)])[i];
        together_.all.arrive_and_wait();
    }

    Together& together_;
    int rank_;
};

/// body(process) in `count` processes.
template <class Body>
void in_processes(int count, const Body& body) {
    Together together(count);
    std::vector<std::thread> threads;
    for (int rank = 0; rank < count; ++rank)
        threads.emplace_back([&, rank] {
            ThreadProcess process(together, rank);
            body(process);
        });
    for (std::thread& thread : threads) thread.join();
}

constexpr std::size_t shard_elements = 1001;

inline std::vector<float> array_of(int shard) {
    return reference::cast<float>(reference::uniform(shard_elements, static_cast<std::uint64_t>(shard) + 1));
}

/// Sum of the arrays of shards first … first + count − 1 by halves.
inline std::vector<float> sum_by_halves(int first, int count) {
    if (count == 1) return array_of(first);
    std::vector<float> sum = sum_by_halves(first, count / 2);
    const std::vector<float> right = sum_by_halves(first + count / 2, count / 2);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += right[i];
    return sum;
}

}  // namespace dnsp::testing
