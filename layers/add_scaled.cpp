#include "layers/add_scaled.hpp"

#include "engine/export_graph.hpp"
#include "engine/kernel_for.hpp"
#include "kernels/elementwise.hpp"

namespace dnsp {

Tensor add_scaled(Tape& tape, const Tensor& input, double scale, const Tensor& branch) {
    require_one_device("add_scaled", input, branch);
    require(
        input.shape() == branch.shape() && input.dtype() == branch.dtype(),
        "[add_scaled] expected a branch of shape " + input.shape().text() + ", got " + branch.shape().text());
    Tensor output = Tensor::empty_like(input);
    dispatch(input.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(input.device(), add_scaled<T>)
        (input.elements(), input.data<T>(), scale, branch.data<T>(), output.data<T>());
    });
    if (ExportGraph* graph = tape.graph()) {
        std::string scaled = graph->image(branch);
        if (scale != 1.0) scaled = graph->node("Mul", {scaled, graph->scalar(scale)});
        graph->bind(output, graph->node("Add", {graph->image(input), scaled}));
    }
    if (!tape.needs_gradient(input, branch)) return output;
    tape.record(output, [=](const Tensor& output_gradient) {
        // In a network's global skip, the input is data and requires no gradient.
        if (scale == 1.0 && !input.requires_gradient()) return forward_gradient(branch, output_gradient);
        accumulate_gradient(branch, [&](const Tensor& target) {
            dispatch(branch.dtype(), [&]<class T>() {
                DNSP_KERNEL_FOR(branch.device(), scale<T>)
                (branch.elements(), scale, output_gradient.data<T>(), target.data<T>());
            });
        });
        forward_gradient(input, output_gradient);
    });
    return output;
}

}  // namespace dnsp
