#include "layers/closed_form.hpp"

#include <algorithm>

namespace dnsp {

Tensor record_closed_form(Tape& tape, double value, std::vector<InputGradient> gradients) {
    Tensor output = Tensor::empty({1}, DType::float64);
    output.fill(value);
    const bool needed = std::any_of(gradients.begin(), gradients.end(),
                                    [](const InputGradient& g) { return g.input.requires_gradient(); });
    if (!tape.recording() || !needed) return output;
    tape.record(output, [gradients = std::move(gradients)](const Tensor& output_gradient) {
        const double cotangent = output_gradient.item();
        for (const auto& [input, gradient] : gradients)
            contribute_gradient(input, [&, &closed_form = gradient](const Tensor& target) {
                dispatch(target.dtype(), [&]<class T>() {
                    kernels::cpu::scale<T>(target.elements(), cotangent, closed_form.data<T>(),
                                           target.data<T>());
                });
            });
    });
    return output;
}

Tensor weighted_sum(Tape& tape, const std::vector<WeightedScalar>& terms) {
    double total = 0.0;
    std::vector<InputGradient> gradients;
    for (const auto& [scalar, weight] : terms) {
        total += weight * scalar.item();
        Tensor gradient = Tensor::empty_like(scalar);
        gradient.fill(weight);
        gradients.push_back({scalar, gradient});
    }
    return record_closed_form(tape, total, std::move(gradients));
}

}  // namespace dnsp
