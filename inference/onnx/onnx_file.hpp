#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/export_graph.hpp"

namespace dnsp {

/// An ONNX model: a graph with its inputs, outputs and texts.
struct OnnxModel {
    /// A float32 value. Dimensions are names of free sizes ("height") or numbers ("1"); none: a scalar.
    struct Value {
        std::string name;
        std::vector<std::string> dimensions;
        std::string description;
    };
    std::string name, description = {};
    std::vector<Value> inputs = {};
    Value output = {};
    /// The value of the graph that becomes the output.
    std::string result = {};
    std::map<std::string, std::string> metadata = {};
};

/// The bytes of an .onnx file: IR version 7, opset 13, constants in the file. Throws Error for a file of more
/// than 2 GB, which protobuf does not write.
std::string serialise_onnx(const OnnxModel& model, const ExportGraph& graph);

}  // namespace dnsp
