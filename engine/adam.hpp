#pragma once

#include <vector>

#include "engine/parameters.hpp"
#include "engine/step_clock.hpp"
#include "kernels/adam.hpp"

namespace dnsp {

struct AdamOptions {
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
};

/// Learning rates of the trained parameter groups.
struct LearningRates {
    double network = 1e-4;
    double filters = 1e-4;
};

/// Adam (Kingma and Ba 2015) over the trained groups of a ParameterStore, with one learning rate per group.
class Adam {
  public:
    /// `planned_steps`: capacity of the table of rates that plan() fills.
    Adam(ParameterStore& store, const AdamOptions& options, std::int64_t planned_steps = 1);

    /// One step with the gradients of the store. A gradient that no backward pass has written counts as zero.
    void step(const LearningRates& rates);

    /// step() split in two, so that the second half can be captured in a CUDA graph. plan() uploads the rates
    /// of a range of steps: rates[k] is for position.step = first + k, the (steps_taken() + 1 + k)-th step.
    void plan(std::int64_t first, const std::vector<LearningRates>& rates);
    /// Applies the update of the clock's step without touching the host. The caller then advances the host's
    /// step counter with count_step(), which a replayed graph cannot do.
    void planned_step(const StepClock& clock);
    void count_step() { ++steps_; }

    std::int64_t steps_taken() const { return steps_; }
    void set_steps_taken(std::int64_t steps) { steps_ = steps; }

    /// Views of the moments of a trained parameter, for checkpoints.
    Tensor first_moment(const ParameterStore::Parameter& parameter) const;
    Tensor second_moment(const ParameterStore::Parameter& parameter) const;

  private:
    ParameterStore& store_;
    kernels::AdamShape shape_;
    std::int64_t steps_ = 0;
    Tensor first_moments_;
    Tensor second_moments_;
    std::int64_t planned_steps_;
    Storage rates_;
    StepClock always_first_;
};

}  // namespace dnsp
