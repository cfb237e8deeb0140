#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "engine/parameters.hpp"
#include "training/shards.hpp"

namespace dnsp {

/// Which gradients of a parameter store the rest of a backward pass cannot change. Layers' backward steps own
/// the parameters that they write to, and the tape frees each step after it has run.
class FinishedGradients {
  public:
    /// Precondition: no tape holds a step. Call it before the forward pass.
    explicit FinishedGradients(const ParameterStore& store);
    /// The gradients of all elements from this one on are finished.
    std::int64_t first();

  private:
    struct Parameter {
        const Tensor* value;
        std::int64_t first;
        long owners;  ///< of its gradient, without a tape
    };
    std::vector<Parameter> unfinished_;  ///< in the order of their elements
    std::int64_t first_;
};

/// Sums the gradients of a batch over all shards in pieces, while the backward pass of this process's last
/// shard computes the rest of them. All processes send the same pieces in the same order.
class GradientExchange {
  public:
    /// `shards` holds all shards of this process but the last. The sum goes to `total`, which has the size of
    /// their arrays. Both must outlive the exchange. A thread of its own communicates if there are several
    /// processes.
    GradientExchange(const ShardSum<float>& shards, std::vector<float>& total);
    ~GradientExchange();
    GradientExchange(const GradientExchange&) = delete;
    GradientExchange& operator=(const GradientExchange&) = delete;

    /// Starts the sum of elements first, first + 1, … of the arrays. `last`: those of the last shard.
    void send(std::size_t first, std::vector<float> last);
    /// Waits for the pieces that were sent.
    void finish();

  private:
    struct Piece {
        std::size_t first;
        std::vector<float> last;
    };
    void sum(Piece piece);
    void communicate();

    const ShardSum<float>& shards_;
    std::vector<float>& total_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Piece> pieces_;
    bool all_sent_ = false;
    std::exception_ptr error_;
    std::thread thread_;  // the last member: it uses the others
};

}  // namespace dnsp
