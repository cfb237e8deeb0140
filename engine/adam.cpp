#include "engine/adam.hpp"

#include "engine/kernel_for.hpp"

namespace dnsp {

using kernels::AdamRates;

Adam::Adam(ParameterStore& store, const AdamOptions& options, std::int64_t planned_steps)
    : store_(store),
      shape_{{}, trained_group_count, options.beta1, options.beta2, options.epsilon},
      first_moments_(
          Tensor::zeros(store.gradients().shape(), store.gradients().dtype(), store.gradients().device())),
      second_moments_(
          Tensor::zeros(store.gradients().shape(), store.gradients().dtype(), store.gradients().device())),
      planned_steps_(planned_steps),
      rates_(store.values().device(), static_cast<std::size_t>(planned_steps) * sizeof(AdamRates)),
      always_first_(store.values().device()) {
    for (std::size_t g = 0; g < trained_group_count; ++g) {
        const auto& [first, count] = store.segment(static_cast<ParameterGroup>(g));
        shape_.segments[g] = {first, count};
    }
}

void Adam::step(const LearningRates& rates) {
    plan(0, {rates});
    planned_step(always_first_);
    count_step();
}

void Adam::plan(std::int64_t first, const std::vector<LearningRates>& rates) {
    require(first >= 0 && first + static_cast<std::int64_t>(rates.size()) <= planned_steps_,
            "[Adam] plan() of " + std::to_string(rates.size()) + " steps from step " + std::to_string(first) +
                ", but the table holds " + std::to_string(planned_steps_));
    std::vector<AdamRates> rows;
    for (const LearningRates& rate : rates)
        rows.push_back(adam_rates(shape_, {rate.network, rate.filters},
                                  steps_ + 1 + static_cast<std::int64_t>(rows.size())));
    copy_from_host(rates_, static_cast<std::size_t>(first) * sizeof(AdamRates), rows.data(),
                   rows.size() * sizeof(AdamRates));
}

void Adam::planned_step(const StepClock& clock) {
    store_.complete_gradients();
    const Tensor& values = store_.values();
    dispatch(values.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(values.device(), adam<T>)
        (shape_, static_cast<const AdamRates*>(rates_.data()), clock.position(), store_.gradients().data<T>(),
         values.data<T>(), first_moments_.data<T>(), second_moments_.data<T>());
    });
}

Tensor Adam::first_moment(const ParameterStore::Parameter& p) const {
    return first_moments_.view(p.first, p.shape);
}

Tensor Adam::second_moment(const ParameterStore::Parameter& p) const {
    return second_moments_.view(p.first, p.shape);
}

}  // namespace dnsp
