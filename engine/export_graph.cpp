#include "engine/export_graph.hpp"

#include <utility>

namespace dnsp {

std::string ExportGraph::node(const std::string& op, std::vector<std::string> inputs, Attributes attributes) {
    nodes_.push_back({op, std::move(inputs), new_name(op), std::move(attributes)});
    return nodes_.back().output;
}

std::string ExportGraph::constant(std::vector<std::int64_t> shape, std::vector<float> values) {
    constants_.push_back({new_name("constant"), std::move(shape), std::move(values)});
    return constants_.back().name;
}

std::string ExportGraph::integers(std::vector<std::int64_t> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    constants_.push_back({new_name("constant"), {count}, std::move(values)});
    return constants_.back().name;
}

std::string ExportGraph::scalar(double value) { return constant({}, {static_cast<float>(value)}); }

void ExportGraph::bind(const Tensor& tensor, std::string name) {
    images_[tensor.data<float>()] = {tensor, std::move(name)};
}

const std::string& ExportGraph::image(const Tensor& tensor) const {
    const auto found = images_.find(tensor.data<float>());
    require(found != images_.end(),
            "[export] a layer of this network does not say what it is in ONNX (docs/extending.md, A layer)");
    return found->second.name;
}

std::string ExportGraph::parameter(const Tensor& tensor) {
    const Shape& s = tensor.shape();
    require(s.rank() == 1 || s.rank() == 4,
            "[export] a parameter expects [c] or [out, h, w, in], got " + s.text());
    std::vector<float> values = tensor.to_vector<float>();
    std::vector<std::int64_t> shape{s[0]};
    if (s.rank() == 4) {
        shape = {s[0], s[3], s[1], s[2]};
        const std::vector<float> channels_last = std::exchange(values, {});
        const std::int64_t taps = s[1] * s[2];
        for (std::int64_t out = 0; out < s[0]; ++out)
            for (std::int64_t in = 0; in < s[3]; ++in)
                for (std::int64_t tap = 0; tap < taps; ++tap)
                    values.push_back(channels_last[static_cast<std::size_t>((out * taps + tap) * s[3] + in)]);
    }
    std::string name = constant(std::move(shape), std::move(values));
    for (const auto& p : store_->parameters())
        if (p.value.data<float>() == tensor.data<float>()) return constants_.back().name = p.name;
    return name;
}

void ExportGraph::begin(const Tensor& input, std::string name) {
    input_ = input;
    bind(input, std::move(name));
}

std::string ExportGraph::crop_to_input(const std::string& value, std::int64_t height, std::int64_t width) {
    require(height == input_.shape()[1] && width == input_.shape()[2],
            "[export] only an image of the input's height and width can be cut in ONNX");
    const std::string sides = node("Slice", {node("Shape", {image(input_)}), integers({2}), integers({4})});
    return node("Slice", {value, integers({0, 0}), sides, integers({2, 3})});
}

}  // namespace dnsp
