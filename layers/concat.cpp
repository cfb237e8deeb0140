#include "layers/concat.hpp"

#include <algorithm>

#include "engine/export_graph.hpp"
#include "engine/kernel_for.hpp"
#include "kernels/copy_rows.hpp"

namespace dnsp {

Tensor concat(Tape& tape, const std::vector<Tensor>& inputs) {
    require(!inputs.empty(), "[concat] expects at least one input");
    const Shape& first = inputs.front().shape();
    require(first.rank() == 4, "[concat] expects [batch, height, width, channels], got " + first.text());
    std::int64_t channels = 0;
    for (const Tensor& input : inputs) {
        const Shape& s = input.shape();
        require_one_device("concat", inputs.front(), input);
        require(s.rank() == 4 && s[0] == first[0] && s[1] == first[1] && s[2] == first[2] &&
                    input.dtype() == inputs.front().dtype(),
                "[concat] " + s.text() + " does not fit " + first.text());
        channels += s[3];
    }
    const std::int64_t pixels = first[0] * first[1] * first[2];
    Tensor output = Tensor::empty({first[0], first[1], first[2], channels}, inputs.front().dtype(),
                                  inputs.front().device());
    std::int64_t offset = 0;
    for (const Tensor& input : inputs) {
        const std::int64_t own = input.shape()[3];
        dispatch(input.dtype(), [&]<class T>() {
            DNSP_KERNEL_FOR(input.device(), copy_rows<T>)
            ({pixels, own, own, channels}, input.data<T>(), output.data<T>() + offset);
        });
        offset += own;
    }
    if (ExportGraph* graph = tape.graph()) {
        std::vector<std::string> values;
        for (const Tensor& input : inputs) values.push_back(graph->image(input));
        graph->bind(output, graph->node("Concat", values, {{"axis", 1}}));
    }
    if (!tape.recording() ||
        std::none_of(inputs.begin(), inputs.end(), [](const Tensor& t) { return t.requires_gradient(); }))
        return output;
    tape.record(output, [=](const Tensor& output_gradient) {
        std::int64_t begin = 0;
        for (const Tensor& input : inputs) {
            const std::int64_t own = input.shape()[3];
            accumulate_gradient(input, [&](const Tensor& target) {
                dispatch(input.dtype(), [&]<class T>() {
                    DNSP_KERNEL_FOR(input.device(), copy_rows<T>)
                    ({pixels, own, channels, own}, output_gradient.data<T>() + begin, target.data<T>());
                });
            });
            begin += own;
        }
    });
    return output;
}

Tensor append_zeros(Tape& tape, const Tensor& input, std::int64_t channels) {
    const Shape& s = input.shape();
    require(s.rank() == 4 && channels > 0,
            "[append_zeros] expects [batch, height, width, channels] and at least one channel, got " +
                s.text() + " and " + std::to_string(channels));
    const Tensor zeros = Tensor::zeros({s[0], s[1], s[2], channels}, input.dtype(), input.device());
    ExportGraph* graph = tape.graph();
    if (graph == nullptr) return concat(tape, {input, zeros});
    Tape inference = Tape::inference();
    Tensor output = concat(inference, {input, zeros});
    const std::string pads = graph->integers({0, 0, 0, 0, 0, channels, 0, 0});
    graph->bind(output, graph->node("Pad", {graph->image(input), pads}));
    return output;
}

}  // namespace dnsp
