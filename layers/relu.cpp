#include "layers/relu.hpp"

#include "engine/export_graph.hpp"
#include "engine/kernel_for.hpp"
#include "kernels/elementwise.hpp"

namespace dnsp {

Tensor relu(Tape& tape, const Tensor& input) {
    require_one_device("relu", input);
    Tensor output = Tensor::empty_like(input);
    dispatch(input.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(input.device(), relu_forward<T>)(input.elements(), input.data<T>(), output.data<T>());
    });
    if (ExportGraph* graph = tape.graph()) graph->bind(output, graph->node("Relu", {graph->image(input)}));
    if (!tape.needs_gradient(input)) return output;
    const Tensor saved = output;
    tape.record(output, [=](const Tensor& output_gradient) {
        accumulate_gradient(input, [&](const Tensor& target) {
            dispatch(input.dtype(), [&]<class T>() {
                DNSP_KERNEL_FOR(input.device(), relu_backward<T>)
                (saved.elements(), output_gradient.data<T>(), saved.data<T>(), target.data<T>());
            });
        });
    });
    return output;
}

}  // namespace dnsp
