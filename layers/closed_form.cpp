#include "layers/closed_form.hpp"

#include <algorithm>

#include "engine/on_device.hpp"
#include "kernels/elementwise.hpp"

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

Tensor weighted_sum(Tape& tape, const std::vector<WeightedScalar>& terms) {
    require(!terms.empty(), "[weighted_sum] expects at least one term");
    const Device device = terms.front().scalar.device();
    Tensor output = Tensor::zeros({1}, DType::float64, device);
    bool needed = false;
    for (const auto& [scalar, weight] : terms) {
        require_one_device("weighted_sum", output, scalar);
        on(device, kernels::cpu::add_scaled<double>, kernels::cuda::add_scaled<double>)(
            1, output.data<double>(), weight, scalar.data<double>(), output.data<double>());
        needed = needed || scalar.requires_gradient();
    }
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
