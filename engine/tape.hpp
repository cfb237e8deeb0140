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

    /// For layers: `step` reads the gradient of `output` and adds to those of the inputs
    /// (accumulate_gradient). Marks `output` as needing a gradient. The step is skipped if the gradient of
    /// `output` was not written. If only the tape still refers to `output`, the step's `output_gradient` is
    /// the only owner of its memory.
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

/// gradient ← gradient where relu_output > 0, else 0
void mask_gradient(const Tensor& gradient, const Tensor& relu_output);
/// sum ← sum + contribution
void add_gradient(const Tensor& sum, const Tensor& contribution);

/// For layers' backward steps: adds a contribution to the gradient of `tensor`. Calls write(target), which
/// must overwrite `target` with the contribution, and then masks it by the tensor's relu_output (Gradient).
/// The first contribution of a pass is written straight to the slot, later ones are added. Does nothing if
/// the tensor needs no gradient.
///
/// A `write` of three arguments, write(target, relu_output, accumulated), does all of that in one pass: it
/// overwrites `target` with accumulated + contribution, and with 0 where `relu_output` is 0. Either may be
/// undefined; `accumulated` may be `target`.
template <class Write>
void accumulate_gradient(const Tensor& tensor, Write&& write) {
    const auto& slot = tensor.gradient_slot();
    if (!slot) return;
    if (!slot->value.defined()) slot->value = Tensor::empty_like(tensor);
    if constexpr (std::is_invocable_v<Write, Tensor, Tensor, Tensor>) {
        write(slot->value, slot->relu_output, slot->written ? slot->value : Tensor());
    } else {
        const Tensor target = slot->written ? Tensor::empty_like(tensor) : slot->value;
        write(target);
        if (slot->relu_output.defined()) mask_gradient(target, slot->relu_output);
        if (slot->written) add_gradient(slot->value, target);
    }
    slot->written = true;
}

/// accumulate_gradient() for an operation whose input gradient is its output gradient, such as a sum. If
/// `output_gradient` is the only owner of its memory, the slot takes the memory over. Precondition: all
/// kernels of the step that read `output_gradient` have been launched, so call it last.
void forward_gradient(const Tensor& tensor, const Tensor& output_gradient);

}  // namespace dnsp
