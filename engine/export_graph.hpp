#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "engine/parameters.hpp"

namespace dnsp {

/// A forward pass as a graph of ONNX operators (opset 13). Layers add their nodes while a tape that exports
/// (Tape::exporting) runs a network once on an image. Values have names. Images are [N, C, H, W] in the
/// graph, where the engine has [n, h, w, c]; N, H and W are free.
class ExportGraph {
  public:
    using Attribute = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>>;
    using Attributes = std::map<std::string, Attribute>;
    struct Node {
        std::string op;
        std::vector<std::string> inputs;
        std::string output;
        Attributes attributes;
    };
    /// float32 or int64.
    struct Constant {
        std::string name;
        std::vector<std::int64_t> shape;
        std::variant<std::vector<float>, std::vector<std::int64_t>> values;
    };

    /// `store` names the constants of parameters and outlives the graph.
    explicit ExportGraph(const ParameterStore& store) : store_(&store) {}

    /// Adds a node and returns the name of its output. An input "" is absent.
    std::string node(const std::string& op, std::vector<std::string> inputs, Attributes attributes = {});
    /// Add a constant and return its name.
    std::string constant(std::vector<std::int64_t> shape, std::vector<float> values);
    std::string integers(std::vector<std::int64_t> values);  ///< of one dimension
    std::string scalar(double value);

    /// Says that the value `name` is the image `tensor`, and keeps the tensor.
    void bind(const Tensor& tensor, std::string name);
    /// The value of an image. Throws Error if no layer has bound it.
    const std::string& image(const Tensor& tensor) const;
    /// A constant of the values of a parameter: [c], or a convolution's weight [out, h, w, in], which becomes
    /// [out, in, h, w].
    std::string parameter(const Tensor& tensor);

    /// Binds the network's input, whose height and width are those of the output.
    void begin(const Tensor& input, std::string name);
    /// Cuts `value` to the height and width of the network's input. Throws Error unless these are `height`
    /// and `width` in the pass that is recorded.
    std::string crop_to_input(const std::string& value, std::int64_t height, std::int64_t width);

    const std::vector<Node>& nodes() const { return nodes_; }
    const std::vector<Constant>& constants() const { return constants_; }

  private:
    std::string new_name(const std::string& stem) { return stem + "_" + std::to_string(names_++); }

    const ParameterStore* store_;
    std::vector<Node> nodes_;
    std::vector<Constant> constants_;
    struct Image {
        Tensor tensor;  // keeps the memory, so that no other image gets its address
        std::string name;
    };
    std::map<const float*, Image> images_;
    Tensor input_;
    int names_ = 0;
};

}  // namespace dnsp
