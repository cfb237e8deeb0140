#pragma once

#include <barrier>
#include <thread>
#include <vector>

#include "engine/tensor.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"
#include "training/shards.hpp"

namespace dnsp::testing {

/// Processes of one program. Each runs in a thread of its own.
struct Together {
    explicit Together(int count)
        : sent(static_cast<std::size_t>(count)), flags(static_cast<std::size_t>(count)), all(count) {}
    std::vector<Tensor> sent;
    std::vector<char> flags;
    std::barrier<> all;
};
class ThreadProcess final : public Processes {
  public:
    ThreadProcess(Together& together, int rank) : together_(together), rank_(rank) {}
    int rank() const override { return rank_; }
    int count() const override { return static_cast<int>(together_.sent.size()); }
    void exchange(int other, const Tensor& send, const Tensor& receive) override {
        together_.sent[static_cast<std::size_t>(rank_)] = send;
        together_.all.arrive_and_wait();
        receive.copy_from(together_.sent[static_cast<std::size_t>(other)]);
        together_.all.arrive_and_wait();
    }
    /// In the order of the ranks, from the last one on.
    void add_up(const Tensor& values) override {
        dispatch(values.dtype(), [&]<class T>() {
            together_.sent[static_cast<std::size_t>(rank_)] = values;
            together_.all.arrive_and_wait();
            std::vector<T> sum(static_cast<std::size_t>(values.elements()));
            for (int other = count() - 1; other >= 0; --other) {
                const auto sent = together_.sent[static_cast<std::size_t>(other)].template to_vector<T>();
                for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += sent[i];
            }
            together_.all.arrive_and_wait();
            values.copy_from(Tensor::from<T>(values.shape(), sum));
        });
    }
    bool any(bool value) override {
        together_.flags[static_cast<std::size_t>(rank_)] = value;
        together_.all.arrive_and_wait();
        bool result = false;
        for (const char flag : together_.flags) result = result || flag != 0;
        together_.all.arrive_and_wait();
        return result;
    }

  private:
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

inline Tensor tensor_of(int shard) {
    return Tensor::from<float>({std::ssize(array_of(shard))}, array_of(shard), test_device());
}

/// The sum of all arrays of this process's shards but the last.
inline ShardSum without_last(const Shards& shards) {
    ShardSum sum(shards);
    for (int shard = shards.first(); shard < shards.first() + shards.own() - 1; ++shard)
        sum.add(tensor_of(shard));
    return sum;
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
