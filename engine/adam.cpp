#include "engine/adam.hpp"

#include "engine/on_device.hpp"

namespace dnsp {

Adam::Adam(ParameterStore& store, const AdamOptions& options)
    : store_(store),
      options_(options),
      first_moments_(Tensor::zeros(store.values().shape(), store.values().dtype(), store.values().device())),
      second_moments_(
          Tensor::zeros(store.values().shape(), store.values().dtype(), store.values().device())) {}

void Adam::step(double network_learning_rate, double filters_learning_rate) {
    store_.complete_gradients();
    kernels::AdamStep adam{{}, 0, options_.beta1, options_.beta2, options_.epsilon, ++steps_};
    const auto& parameters = store_.parameters();
    // Neighbours of the same group are one run of the flat arrays, padding included (its gradient is zero).
    for (std::size_t begin = 0; begin < parameters.size();) {
        std::size_t end = begin + 1;
        while (end < parameters.size() && parameters[end].group == parameters[begin].group) ++end;
        const std::int64_t first = parameters[begin].first;
        const std::int64_t last =
            end < parameters.size() ? parameters[end].first : store_.values().elements();
        const bool filters = parameters[begin].group == ParameterGroup::filters;
        require(adam.segment_count < kernels::AdamStep::most_segments,
                "[Adam] the parameters of the two groups alternate too often");
        adam.segments[static_cast<std::size_t>(adam.segment_count++)] = {
            first, last - first, filters ? filters_learning_rate : network_learning_rate};
        begin = end;
    }
    const Tensor& values = store_.values();
    dispatch(values.dtype(), [&]<class T>() {
        on(values.device(), kernels::cpu::adam<T>, kernels::cuda::adam<T>)(
            adam, store_.gradients().data<T>(), values.data<T>(), first_moments_.data<T>(),
            second_moments_.data<T>());
    });
}

Tensor Adam::first_moment(const ParameterStore::Parameter& p) const {
    return first_moments_.view(p.first, p.shape);
}

Tensor Adam::second_moment(const ParameterStore::Parameter& p) const {
    return second_moments_.view(p.first, p.shape);
}

}  // namespace dnsp
