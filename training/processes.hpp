#pragma once

#include "engine/tensor.hpp"

namespace dnsp {

/// The processes that train one network together. Each has all data and the whole state of the run, and calls
/// the same functions in the same order: by any of its threads, by one at a time.
class Processes {
  public:
    virtual ~Processes() = default;
    virtual int rank() const = 0;  ///< from 0
    virtual int count() const = 0;
    /// Sends one array to another process and receives one from it, which calls this too, for arrays of the
    /// same sizes the other way round. Arrays on a CUDA device are used in the order of the current stream.
    virtual void exchange(int other, const Tensor& send, const Tensor& receive) = 0;
    /// Replaces the arrays of all processes, float32 or float64, by their sum, in an order that the
    /// implementation chooses. Called by all.
    virtual void add_up(const Tensor& values) = 0;
    /// True in all processes if `value` is true in any. Called by all.
    virtual bool any(bool value) = 0;

    /// The process that writes logs, checkpoints and results.
    bool is_first() const { return rank() == 0; }
};

/// This process alone.
Processes& one_process();

}  // namespace dnsp
