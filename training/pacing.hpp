#pragma once

// Times in a training loop.
#include <algorithm>
#include <chrono>
#include <cstdint>

#include "engine/device.hpp"
#include "training/training_step.hpp"

namespace dnsp {

class Stopwatch {
  public:
    double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }
    void restart() { begin_ = Clock::now(); }

  private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point begin_ = Clock::now();
};

/// Number of steps between two reads of the metrics. A read waits for the device, so on a CUDA device the
/// default number is adapted to the measured speed.
class ReadPacer {
  public:
    static constexpr double read_interval_seconds = 0.5;  ///< on a CUDA device
    ReadPacer(int wanted, Device device)
        : adapts_(wanted == 0 && device.kind == DeviceKind::cuda), steps_(std::max(wanted, 1)) {}
    std::int64_t steps() const { return steps_; }
    /// Call it after a read of the metrics of `count` steps.
    void measure(std::size_t count) {
        if (!adapts_) return;
        const double steps = read_interval_seconds / since_read_.seconds() * static_cast<double>(count);
        steps_ = std::clamp<std::int64_t>(static_cast<std::int64_t>(steps), 1, TrainingStep::max_pending);
    }
    /// Call it before the next steps, to exclude the time since the read.
    void restart() { since_read_.restart(); }

  private:
    bool adapts_;
    std::int64_t steps_;
    Stopwatch since_read_;
};

/// Steps per second, measured over at least rate_window_seconds.
class RateMeter {
  public:
    static constexpr double rate_window_seconds = 1.0;
    explicit RateMeter(std::int64_t step) : first_step_(step) {}
    double rate_at(std::int64_t step) {
        if (const double seconds = window_.seconds(); seconds >= rate_window_seconds) {
            rate_ = static_cast<double>(step - first_step_) / seconds;
            window_.restart();
            first_step_ = step;
        }
        return rate_;
    }

  private:
    Stopwatch window_;
    std::int64_t first_step_;
    double rate_ = 0.0;
};

}  // namespace dnsp
