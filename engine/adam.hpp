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

/// Of the two groups of parameters.
struct LearningRates {
    double network = 1e-4;
    double filters = 1e-4;
};

/// Adam (Kingma and Ba 2015) over the flat arrays of a ParameterStore, with a learning rate for each group.
class Adam {
  public:
    /// `planned_steps` bounds what plan() can be given.
    Adam(ParameterStore& store, const AdamOptions& options, std::int64_t planned_steps = 1);

    /// One step with the store's present gradients; those that were not written count as zero.
    void step(const LearningRates& rates);

    /// The same in two parts, of which the second needs nothing of the host and can be recorded in a graph:
    /// rates[k] is for position.step = first + k, the (steps_taken() + 1 + k)-th step;
    void plan(std::int64_t first, const std::vector<LearningRates>& rates);
    /// and that step, which whoever has it done counts by count_step().
    void planned_step(const StepClock& clock);
    void count_step() { ++steps_; }

    std::int64_t steps_taken() const { return steps_; }
    void set_steps_taken(std::int64_t steps) { steps_ = steps; }

    /// Views of the moments of a parameter, for checkpoints.
    Tensor first_moment(const ParameterStore::Parameter& parameter) const;
    Tensor second_moment(const ParameterStore::Parameter& parameter) const;

  private:
    ParameterStore& store_;
    kernels::AdamShape shape_;
    std::vector<ParameterGroup> groups_;  // of the shape's segments
    std::int64_t steps_ = 0;
    Tensor first_moments_;
    Tensor second_moments_;
    std::int64_t planned_steps_;
    Storage rates_;
    StepClock always_first_;
};

}  // namespace dnsp
