#include "engine/adam.hpp"

#include "engine/kernel_for.hpp"

namespace dnsp {

using kernels::AdamRates, kernels::AdamShape;

Adam::Adam(ParameterStore& store, const AdamOptions& options, std::int64_t planned_steps)
    : store_(store),
      shape_{{}, 0, options.beta1, options.beta2, options.epsilon},
      first_moments_(Tensor::zeros(store.values().shape(), store.values().dtype(), store.values().device())),
      second_moments_(Tensor::zeros(store.values().shape(), store.values().dtype(), store.values().device())),
      planned_steps_(planned_steps),
      rates_(store.values().device(), static_cast<std::size_t>(planned_steps) * sizeof(AdamRates)),
      always_first_(store.values().device()) {
    // Neighbours of the same group are one run of the flat arrays, padding included (its gradient is zero).
    const auto& parameters = store.parameters();
    for (std::size_t begin = 0; begin < parameters.size();) {
        std::size_t end = begin + 1;
        while (end < parameters.size() && parameters[end].group == parameters[begin].group) ++end;
        const std::int64_t first = parameters[begin].first;
        const std::int64_t last = end < parameters.size() ? parameters[end].first : store.values().elements();
        require(shape_.segment_count < AdamShape::most_segments,
                "[Adam] the parameters of the two groups alternate too often");
        shape_.segments[static_cast<std::size_t>(shape_.segment_count++)] = {first, last - first};
        groups_.push_back(parameters[begin].group);
        begin = end;
    }
}

void Adam::step(const LearningRates& rates) {
    plan(0, {rates});
    planned_step(always_first_);
    count_step();
}

void Adam::plan(std::int64_t first, const std::vector<LearningRates>& rates) {
    require(first >= 0 && first + static_cast<std::int64_t>(rates.size()) <= planned_steps_,
            "[Adam] a plan for " + std::to_string(rates.size()) + " steps from step " +
                std::to_string(first) + " on, where there is room for " + std::to_string(planned_steps_));
    std::vector<AdamRates> rows;
    for (const LearningRates& rate : rates) {
        std::array<double, AdamShape::most_segments> of_segments{};
        for (std::size_t s = 0; s < groups_.size(); ++s)
            of_segments[s] = groups_[s] == ParameterGroup::filters ? rate.filters : rate.network;
        rows.push_back(adam_rates(shape_, of_segments, steps_ + 1 + static_cast<std::int64_t>(rows.size())));
    }
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
