#pragma once

#include <functional>
#include <vector>

#include "engine/tensor.hpp"
#include "kernels/elementwise.hpp"

namespace dnsp {

/// Reverse-mode differentiation. Each layer computes its output at once and records one backward step; the
/// steps run in reverse. A step and the activations it holds are freed as soon as it has run.
class Tape {
  public:
    /// A tape that records nothing: for inference.
    static Tape inference() { return Tape(false); }
    explicit Tape(bool recording = true) : recording_(recording) {}

    bool recording() const { return recording_; }

    /// For layers: whether any of the inputs needs a gradient here, i.e. whether to record.
    template <class... Tensors>
    bool needs_gradient(const Tensors&... inputs) const {
        return recording_ && (inputs.requires_gradient() || ...);
    }

    /// For layers: `step` reads the output's gradient and contributes to the inputs' (contribute_gradient).
    /// Marks `output` as needing a gradient; the step is skipped if nothing has contributed to it.
    void record(Tensor& output, std::function<void(const Tensor& output_gradient)> step);

    /// Backward pass from `output` with the given cotangent (like output), or with 1 for a single element.
    void backward(const Tensor& output, const Tensor& cotangent);
    void backward(const Tensor& output);

  private:
    struct Step {
        std::shared_ptr<Gradient> output_gradient;
        std::function<void(const Tensor&)> run;
    };
    bool recording_;
    std::vector<Step> steps_;
};

/// For layers' backward steps: calls write(target), which must overwrite `target` with the contribution. The
/// first contribution of a pass goes straight into the slot, later ones are added. Does nothing for a tensor
/// that needs no gradient.
template <class Write>
void contribute_gradient(const Tensor& tensor, Write&& write) {
    const auto& slot = tensor.gradient_slot();
    if (!slot) return;
    if (!slot->written) {
        if (!slot->value.defined()) slot->value = Tensor::empty_like(tensor);
        write(slot->value);
        slot->written = true;
        return;
    }
    const Tensor contribution = Tensor::empty_like(tensor);
    write(contribution);
    dispatch(tensor.dtype(), [&]<class T>() {
        T* sum = slot->value.template data<T>();
        kernels::cpu::add<T>(tensor.elements(), sum, contribution.template data<T>(), sum);
    });
}

}  // namespace dnsp
