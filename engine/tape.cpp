#include "engine/tape.hpp"

namespace dnsp {

void Tape::record(Tensor& output, std::function<void(const Tensor&)> step) {
    output.require_gradient();
    steps_.push_back({output.gradient_slot(), std::move(step)});
}

void Tape::backward(const Tensor& output, const Tensor& cotangent) {
    require(output.requires_gradient(),
            "[Tape::backward] the output depends on nothing that needs a gradient");
    require(cotangent.shape() == output.shape() && cotangent.dtype() == output.dtype(),
            "[Tape::backward] cotangent of shape " + cotangent.shape().text() + " for an output of shape " +
                output.shape().text());
    contribute_gradient(output, [&](Tensor target) { target.copy_from(cotangent); });
    while (!steps_.empty()) {
        const Step step = std::move(steps_.back());
        steps_.pop_back();
        if (step.output_gradient->written) step.run(step.output_gradient->value);
    }
}

void Tape::backward(const Tensor& output) {
    require(output.elements() == 1,
            "[Tape::backward] an output of shape " + output.shape().text() + " needs a cotangent");
    Tensor one = Tensor::empty_like(output);
    one.fill(1.0);
    backward(output, one);
}

}  // namespace dnsp
