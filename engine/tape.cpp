#include "engine/tape.hpp"

#include "engine/kernel_for.hpp"
#include "kernels/elementwise.hpp"

namespace dnsp {

void mask_gradient(const Tensor& gradient, const Tensor& relu_output) {
    dispatch(gradient.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(gradient.device(), relu_backward<T>)
        (gradient.elements(), gradient.data<T>(), relu_output.data<T>(), gradient.data<T>());
    });
}

void add_gradient(const Tensor& sum, const Tensor& contribution) {
    if (sum.dtype() == DType::bfloat16) {
        auto* target = sum.data<kernels::bfloat16>();
        return DNSP_KERNEL_FOR(sum.device(), add<kernels::bfloat16>)(
            sum.elements(), target, contribution.data<kernels::bfloat16>(), target);
    }
    dispatch(sum.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(sum.device(), add<T>)
        (sum.elements(), sum.data<T>(), contribution.data<T>(), sum.data<T>());
    });
}

void forward_gradient(const Tensor& tensor, const Tensor& output_gradient) {
    const auto& slot = tensor.gradient_slot();
    if (slot && !slot->relu_output.defined()) {
        if (slot->written) return add_gradient(slot->value, output_gradient);
        if (!slot->value.defined() && output_gradient.owns_memory_alone()) {
            slot->value = output_gradient;
            slot->written = true;
            return;
        }
    }
    accumulate_gradient(tensor, [&](const Tensor& target) { target.copy_from(output_gradient); });
}

void Tape::record(Tensor& output, std::function<void(const Tensor&)> step) {
    output.require_gradient();
    steps_.push_back({output.gradient_slot(), std::move(step)});
}

void Tape::backward(const Tensor& output, const Tensor& cotangent) {
    require(cotangent.shape() == output.shape() && cotangent.dtype() == output.dtype(),
            "[Tape::backward] cotangent of shape " + cotangent.shape().text() + " for an output of shape " +
                output.shape().text());
    run_from(output, [&](const Tensor& target) { target.copy_from(cotangent); }, {});
}

void Tape::backward(const Tensor& output, const std::function<void()>& after_step) {
    require(output.elements() == 1,
            "[Tape::backward] an output of shape " + output.shape().text() + " needs a cotangent");
    run_from(
        output, [](const Tensor& target) { target.fill(1.0); }, after_step);
}

template <class Write>
void Tape::run_from(const Tensor& output, Write&& write_cotangent, const std::function<void()>& after_step) {
    require(output.requires_gradient(),
            "[Tape::backward] the output depends on nothing that needs a gradient");
    accumulate_gradient(output, write_cotangent);
    while (!steps_.empty()) {
        run_last_step();
        if (after_step) after_step();
    }
}

void Tape::run_last_step() {
    const Step step = std::move(steps_.back());
    steps_.pop_back();
    if (!step.output_gradient->written) return;
    const Tensor gradient = step.output_gradient->value;
    if (step.output_gradient.use_count() == 1) step.output_gradient->value = {};
    step.run(gradient);
}

}  // namespace dnsp
