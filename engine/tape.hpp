#pragma once

#include <functional>
#include <type_traits>
#include <vector>

#include "engine/tensor.hpp"

namespace dnsp {

class ExportGraph;

/// Reverse-mode differentiation. Each layer computes its output at once and records one backward step; the
/// steps run in reverse. A step and the activations it holds are freed as soon as it has run.
class Tape {
  public:
    /// A tape that records nothing: for inference.
    static Tape inference() { return Tape(false); }
    /// A tape that records nothing, but whose layers add their nodes to a graph.
    static Tape exporting(ExportGraph& graph) {
        Tape tape(false);
        tape.graph_ = &graph;
        return tape;
    }
    explicit Tape(bool recording = true) : recording_(recording) {}

    bool recording() const { return recording_; }
    /// For layers: the graph to which they add their nodes (engine/export_graph.hpp); null unless exporting.
    ExportGraph* graph() const { return graph_; }

    /// For layers: true if the tape records and an input requires a gradient.
    template <class... Tensors>
    bool needs_gradient(const Tensors&... inputs) const {
        return recording_ && (inputs.requires_gradient() || ...);
    }

    /// For layers: records `step`, which reads the gradient of `output` and adds to the gradients of the
    /// inputs (accumulate_gradient). Marks `output` as needing a gradient. The step is skipped if the
    /// gradient of `output` was not written. If only the tape still refers to `output`, the step's
    /// `output_gradient` is the only owner of its memory.
    void record(Tensor& output, std::function<void(const Tensor& output_gradient)> step);

    /// Backward pass from `output`. `cotangent`: ∂L/∂output, of the shape and type of output; without it
    /// output must have one element, and the cotangent is 1. Throws Error if output depends on nothing that
    /// requires a gradient. `after_step` is called when a step has run and is freed.
    void backward(const Tensor& output, const Tensor& cotangent);
    void backward(const Tensor& output, const std::function<void()>& after_step = {});

  private:
    template <class Write>
    void run_from(const Tensor& output, Write&& write_cotangent, const std::function<void()>& after_step);
    void run_last_step();

    struct Step {
        std::shared_ptr<Gradient> output_gradient;
        std::function<void(const Tensor&)> run;
    };
    bool recording_;
    ExportGraph* graph_ = nullptr;
    std::vector<Step> steps_;
};

/// gradient ← gradient where relu_output > 0, else 0
void mask_gradient(const Tensor& gradient, const Tensor& relu_output);
/// sum ← sum + contribution
void add_gradient(const Tensor& sum, const Tensor& contribution);

/// For layers' backward steps: adds a contribution to the gradient of `tensor`. Calls write(target), which
/// must overwrite `target` with the contribution. The contribution is then masked by the tensor's relu_output
/// (Gradient).
/// The first contribution of a pass is written straight to the slot, later ones are added. Does nothing if
/// the tensor requires no gradient.
///
/// A `write` of three arguments, write(target, relu_output, accumulated), includes the addition and the mask:
/// target = accumulated + contribution, or 0 where relu_output is 0. relu_output and accumulated may be
/// undefined; accumulated may alias target.
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
