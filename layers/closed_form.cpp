#include "layers/closed_form.hpp"

#include <algorithm>

#include "engine/on_device.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/weighted_sum.hpp"

namespace dnsp {

Tensor record_closed_form(Tape& tape, const Tensor& value, std::vector<InputGradient> gradients) {
    Tensor output = value.view(0, {1});
    const bool needed = std::any_of(gradients.begin(), gradients.end(),
                                    [](const InputGradient& g) { return g.input.requires_gradient(); });
    if (!tape.recording() || !needed) return output;
    tape.record(output, [gradients = std::move(gradients)](const Tensor& cotangent) {
        for (const auto& [input, gradient] : gradients)
            contribute_gradient(input, [&, &closed_form = gradient](const Tensor& target) {
                dispatch(target.dtype(), [&]<class T>() {
                    on(target.device(), kernels::cpu::scale_by<T>, kernels::cuda::scale_by<T>)(
                        target.elements(), cotangent.data<double>(), closed_form.data<T>(), target.data<T>());
                });
            });
    });
    return output;
}

Tensor weighted_sum(Tape& tape, const std::vector<WeightedScalar>& terms, const Tensor& figures) {
    using kernels::WeightedScalars;
    require(!terms.empty() && terms.size() <= WeightedScalars::most,
            "[weighted_sum] expects 1 to " + std::to_string(WeightedScalars::most) + " terms, got " +
                std::to_string(terms.size()));
    require(figures.elements() > static_cast<std::int64_t>(terms.size()),
            "[weighted_sum] figures of shape " + figures.shape().text() + " for " +
                std::to_string(terms.size()) + " terms and their sum");
    const Device device = figures.device();
    WeightedScalars scalars;
    bool needed = false;
    for (const auto& [scalar, weight] : terms) {
        require_one_device("weighted_sum", figures, scalar);
        const auto i = static_cast<std::size_t>(scalars.count++);
        scalars.value[i] = scalar.data<double>();
        scalars.weight[i] = weight;
        needed = needed || scalar.requires_gradient();
    }
    Tensor output = figures.view(figures.elements() - 1, {1});
    on(device, kernels::cpu::weighted_sum, kernels::cuda::weighted_sum)(scalars, figures.data<double>(),
                                                                        output.data<double>());
    if (!tape.recording() || !needed) return output;
    tape.record(output, [terms, device](const Tensor& cotangent) {
        for (const auto& [scalar, weight] : terms)
            contribute_gradient(scalar, [&, factor = weight](const Tensor& target) {
                on(device, kernels::cpu::scale<double>, kernels::cuda::scale<double>)(
                    1, factor, cotangent.data<double>(), target.data<double>());
            });
    });
    return output;
}

}  // namespace dnsp
