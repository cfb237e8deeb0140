#pragma once

#include "engine/parameters.hpp"
#include "kernels/adam.hpp"

namespace dnsp {

struct AdamOptions {
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
};

/// Adam (Kingma and Ba 2015) over the flat arrays of a ParameterStore, with a learning rate for each group.
class Adam {
  public:
    Adam(ParameterStore& store, const AdamOptions& options);

    /// One step with the store's present gradients; those that were not written count as zero.
    void step(double network_learning_rate, double filters_learning_rate);

    std::int64_t steps_taken() const { return steps_; }
    void set_steps_taken(std::int64_t steps) { steps_ = steps; }

    /// Views of the moments of a parameter, for checkpoints.
    Tensor first_moment(const ParameterStore::Parameter& parameter) const;
    Tensor second_moment(const ParameterStore::Parameter& parameter) const;

  private:
    ParameterStore& store_;
    AdamOptions options_;
    std::int64_t steps_ = 0;
    Tensor first_moments_;
    Tensor second_moments_;
};

}  // namespace dnsp
