#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor.hpp"
#include "training/processes.hpp"

namespace dnsp {

/// The order in which the gradients of shards are summed between processes.
enum class ReductionOrder {
    fixed,  ///< the same sum for any number of processes
    fast    ///< the one that the library for communication chooses
};

/// The parts of equal size into which a batch is split. Each process computes the gradients of its own parts.
class Shards {
  public:
    /// Throws Error unless the processes can share the shards: in a fixed order if both numbers are powers of
    /// two and there are no more processes than shards, else if their number divides that of the shards.
    Shards(int count, Processes& processes, ReductionOrder order = ReductionOrder::fixed);

    int count() const { return count_; }
    /// This process computes the shards first() … first() + own() − 1.
    int first() const { return processes_.rank() * own(); }
    int own() const { return count_ / processes_.count(); }
    Processes& processes() const { return processes_; }
    ReductionOrder order() const { return order_; }

  private:
    int count_;
    Processes& processes_;
    ReductionOrder order_;
};

/// The sum of one array of each shard: of two neighbours, then of two neighbouring pairs, and so on. The
/// pairs within a process and, in a fixed order, those between processes form one binary tree, so that every
/// sum is rounded in the same order for any number of processes. Arrays are float32 or float64, on any
/// device.
class ShardSum {
  public:
    explicit ShardSum(const Shards& shards) : shards_(shards) {}
    const Shards& shards() const { return shards_; }

    /// Adds a copy of the array of this process's next shard, unless it is the last.
    void add(const Tensor& values);
    /// `last` holds the elements first, first + 1, … of this process's last shard. Replaces them by the sums
    /// over all shards, the same bits in every process. All processes call it for the same elements in the
    /// same order. In a fixed order, a process sends and receives less than twice as many elements.
    /// `received`: memory for messages; it has the type and device of `last`, and at least half as many
    /// elements, rounded up.
    void total(std::int64_t first, const Tensor& last, const Tensor& received) const;
    /// With memory of its own. For whole arrays.
    void total(const Tensor& last) const;

  private:
    void add_between_processes(const Tensor& sum, const Tensor& received) const;

    const Shards& shards_;
    std::vector<Tensor> sums_;  // of 2^index neighbouring shards, the last ones first; undefined: none
};

/// Number of elements that ShardSum::total() receives at once.
constexpr std::int64_t elements_received(std::int64_t elements) { return elements - elements / 2; }

}  // namespace dnsp
