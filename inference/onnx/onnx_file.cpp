#include "inference/onnx/onnx_file.hpp"

#include <onnx/onnx_pb.h>

#include <cctype>

namespace dnsp {
namespace {

constexpr int ir_version = 7, opset = 13;

void write(const OnnxModel::Value& value, onnx::ValueInfoProto& proto) {
    proto.set_name(value.name);
    proto.set_doc_string(value.description);
    auto* type = proto.mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    type->mutable_shape();  // a scalar has a shape without dimensions
    for (const std::string& dimension : value.dimensions) {
        auto* dim = type->mutable_shape()->add_dim();
        if (std::isdigit(static_cast<unsigned char>(dimension.front())))
            dim->set_dim_value(std::stoll(dimension));
        else
            dim->set_dim_param(dimension);
    }
}

void write(const ExportGraph::Constant& constant, onnx::TensorProto& proto) {
    proto.set_name(constant.name);
    for (const std::int64_t side : constant.shape) proto.add_dims(side);
    const bool floats = std::holds_alternative<std::vector<float>>(constant.values);
    proto.set_data_type(floats ? onnx::TensorProto::FLOAT : onnx::TensorProto::INT64);
    std::visit(
        [&](const auto& values) {
            proto.set_raw_data(values.data(), values.size() * sizeof values.front());  // little-endian
        },
        constant.values);
}

struct AttributeWriter {
    onnx::AttributeProto* proto;
    void operator()(std::int64_t value) const {
        proto->set_type(onnx::AttributeProto::INT);
        proto->set_i(value);
    }
    void operator()(double value) const {
        proto->set_type(onnx::AttributeProto::FLOAT);
        proto->set_f(static_cast<float>(value));
    }
    void operator()(const std::string& value) const {
        proto->set_type(onnx::AttributeProto::STRING);
        proto->set_s(value);
    }
    void operator()(const std::vector<std::int64_t>& values) const {
        proto->set_type(onnx::AttributeProto::INTS);
        for (const std::int64_t value : values) proto->add_ints(value);
    }
};

void write(const ExportGraph::Node& node, onnx::NodeProto& proto) {
    proto.set_op_type(node.op);
    proto.set_name(node.output);
    for (const std::string& input : node.inputs) proto.add_input(input);
    proto.add_output(node.output);
    for (const auto& [name, value] : node.attributes) {
        auto* attribute = proto.add_attribute();
        attribute->set_name(name);
        std::visit(AttributeWriter{attribute}, value);
    }
}

}  // namespace

std::string serialise_onnx(const OnnxModel& model, const ExportGraph& graph) {
    onnx::ModelProto proto;
    proto.set_ir_version(ir_version);
    proto.add_opset_import()->set_version(opset);
    proto.set_producer_name("DNSP");
    proto.set_producer_version(DNSP_VERSION);
    proto.set_doc_string(model.description);
    for (const auto& [key, value] : model.metadata) {
        auto* entry = proto.add_metadata_props();
        entry->set_key(key);
        entry->set_value(value);
    }
    auto* body = proto.mutable_graph();
    body->set_name(model.name);
    body->set_doc_string(model.description);
    for (const auto& input : model.inputs) write(input, *body->add_input());
    write(model.output, *body->add_output());
    for (const auto& constant : graph.constants()) write(constant, *body->add_initializer());
    for (const auto& node : graph.nodes()) write(node, *body->add_node());
    ExportGraph::Node last{"Identity", {model.result}, model.output.name, {}};
    write(last, *body->add_node());
    std::string bytes;
    require(proto.SerializeToString(&bytes), "[onnx] the network is larger than an ONNX file may be (2 GB)");
    return bytes;
}

}  // namespace dnsp
