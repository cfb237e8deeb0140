#pragma once

#include <functional>
#include <type_traits>
#include <vector>

#include "engine/tensor.hpp"

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
    /// Marks `output` as needing a gradient; the step is skipped if nothing has contributed to it. Where only
    /// the tape still refers to the output, the step's `output_gradient` is the only owner of its memory.
    void record(Tensor& output, std::function<void(const Tensor& output_gradient)> step);

    /// Backward pass from `output` with the given cotangent (like output), or with 1 for a single element.
    void backward(const Tensor& output, const Tensor& cotangent);
    void backward(const Tensor& output);

  private:
    template <class Write>
    void run_from(const Tensor& output, Write&& write_cotangent);

    struct Step {
        std::shared_ptr<Gradient> output_gradient;
        std::function<void(const Tensor&)> run;
    };
    bool recording_;
    std::vector<Step> steps_;
};

/// gradient ← gradient where rectified > 0, else 0
void mask_gradient(const Tensor& gradient, const Tensor& rectified);
/// sum ← sum + contribution
void add_gradient(const Tensor& sum, const Tensor& contribution);

/// For layers' backward steps: calls write(target), which must overwrite `target` with the contribution; the
/// zeros that a fused ReLU of the tensor asks for are put in afterwards. The first contribution of a pass
/// goes straight into the slot, later ones are added. Does nothing for a tensor that needs no gradient.
///
/// A `write` of three arguments, write(target, rectified, added), does all of that in one pass: it overwrites
/// `target` with added + the contribution, then with 0 where `rectified` is 0; either may be undefined, and
/// `added` may be `target` itself.
template <class Write>
void contribute_gradient(const Tensor& tensor, Write&& write) {
    const auto& slot = tensor.gradient_slot();
    if (!slot) return;
    if (!slot->value.defined()) slot->value = Tensor::empty_like(tensor);
    if constexpr (std::is_invocable_v<Write, Tensor, Tensor, Tensor>) {
        write(slot->value, slot->rectified, slot->written ? slot->value : Tensor());
    } else {
        const Tensor target = slot->written ? Tensor::empty_like(tensor) : slot->value;
        write(target);
        if (slot->rectified.defined()) mask_gradient(target, slot->rectified);
        if (slot->written) add_gradient(slot->value, target);
    }
    slot->written = true;
}

/// The contribution of an operation that passes the gradient of its output on as it is, such as a sum. Takes
/// over its memory where nobody else can look at it any more: to be called last in a step, when all that
/// reads `output_gradient` has been started.
void pass_gradient_on(const Tensor& tensor, const Tensor& output_gradient);

}  // namespace dnsp
