#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/device/runtime.hpp"
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
    /// `shards` holds all shards of this process but the last, whose gradients are to be in `gradients` and
    /// are replaced by the sum. `received`: see ShardSum::total(). All must outlive the exchange. A thread of
    /// its own, on a CUDA device with a stream of its own, communicates if there are several processes.
    GradientExchange(const ShardSum& shards, const Tensor& gradients, const Tensor& received);
    ~GradientExchange();
    GradientExchange(const GradientExchange&) = delete;
    GradientExchange& operator=(const GradientExchange&) = delete;

    /// Starts the sum of the elements first … first + count − 1, which are not used until finish().
    void send(std::int64_t first, std::int64_t count);
    /// What the current stream does afterwards uses the sums of the pieces that were sent.
    void finish();

  private:
    struct Piece {
        std::int64_t first, count;
        std::optional<simt::Event> computed;  ///< on a CUDA device
    };
    void sum(const Piece& piece);
    void communicate();
    void sum_pieces();

    const ShardSum& shards_;
    const Tensor& gradients_;
    const Tensor& received_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Piece> pieces_;
    bool all_sent_ = false;
    std::optional<simt::Event> all_summed_;  // on a CUDA device
    std::exception_ptr error_;
    std::thread thread_;  // the last member: it uses the others
};

}  // namespace dnsp
