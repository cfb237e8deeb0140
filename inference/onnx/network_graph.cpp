#include "inference/onnx/network_graph.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/json.hpp"
#include "base/options_json.hpp"
#include "imaging/resample.hpp"
#include "inference/onnx/onnx_file.hpp"
#include "inference/shipped_weights.hpp"

namespace dnsp {
namespace {

// The image on which the network runs once to be recorded. The graph does not depend on its sides.
constexpr std::int64_t height = 17, width = 19;

constexpr const char* range_text = "percentiles 0.1 and 99.9 (nearest rank) of the whole volume or picture";

/// The taps of the enlargement at each of the `scale` positions within a pixel: [scale][5], around the
/// pixel.
std::vector<std::vector<double>> bicubic_taps(int scale, imaging::Phase phase) {
    constexpr int size = 9, middle = 4;  // far from the borders
    const imaging::AxisResampler map = imaging::bicubic_enlarger(size, scale, phase);
    std::vector<std::vector<double>> taps(static_cast<std::size_t>(scale), std::vector<double>(5, 0.0));
    for (int k = 0; k < scale; ++k)
        for (int t = 0; t < map.taps; ++t) {
            const auto entry = static_cast<std::size_t>((middle * scale + k) * map.taps + t);
            const int offset = map.index[entry] - middle;
            if (map.weight[entry] != 0.0)
                taps.at(static_cast<std::size_t>(k)).at(static_cast<std::size_t>(offset + 2)) +=
                    map.weight[entry];
        }
    return taps;
}

/// imaging::enlarge_bicubic(): two mirrored rows and columns around the image, then a convolution that
/// computes the pixels of a block as channels.
std::string enlarge(ExportGraph& graph, std::string image, int scale, imaging::Phase phase) {
    const std::string one = graph.integers({1}), before_first = graph.integers({-(std::int64_t{1} << 31)}),
                      last = graph.integers({-1}), third_last = graph.integers({-3}),
                      backwards = graph.integers({-1});
    for (const std::int64_t axis : {2, 3}) {
        const std::string along = graph.integers({axis});
        const std::string first = graph.node("Slice", {image, one, before_first, along, backwards});
        const std::string end = graph.node("Slice", {image, last, third_last, along, backwards});
        image = graph.node("Concat", {first, image, end}, {{"axis", axis}});
    }
    const auto taps = bicubic_taps(scale, phase);
    std::vector<float> weight;
    for (const auto& vertical : taps)
        for (const auto& horizontal : taps)
            for (const double v : vertical)
                for (const double h : horizontal) weight.push_back(static_cast<float>(v * h));
    const std::string kernels =
        graph.constant({static_cast<std::int64_t>(scale) * scale, 1, 5, 5}, std::move(weight));
    return graph.node("DepthToSpace", {graph.node("Conv", {image, kernels})},
                      {{"blocksize", scale}, {"mode", std::string("CRD")}});
}

std::map<std::string, std::string> facts(const TrainedNetwork& network) {
    const imaging::Degradation& degradation = network.degradation;
    return {{"dnsp.version", DNSP_VERSION},
            {"dnsp.model", json_text(to_json(network.model->options()))},
            {"dnsp.scale", std::to_string(degradation.scale)},
            {"dnsp.purpose", purpose(degradation)},
            {"dnsp.degradation", json_text(nlohmann::json(imaging::describe(degradation)))},
            {"dnsp.variant", network.variant}};
}

}  // namespace

std::string export_onnx(const TrainedNetwork& network, OnnxScope scope,
                        std::map<std::string, std::string> metadata) {
    const Model& model = *network.model;
    const imaging::Degradation& degradation = network.degradation;
    const bool whole = scope == OnnxScope::whole;
    require(
        !whole || !degradation.through_plane,
        "--whole: the network makes thin slices of a whole volume, which has no graph for one slice; leave "
        "--whole out");
    require(
        !whole || model.input_features() == InputFeatures::intensity,
        "--whole: the network reads tissue labels, which are fitted to a whole volume; leave --whole out");

    ExportGraph graph(*network.store);
    OnnxModel file{.name = model.options().name, .metadata = facts(network)};
    file.metadata.merge(metadata);
    std::string value = "image", span;
    if (whole) {
        if (degradation.scale > 1) value = enlarge(graph, value, degradation.scale, degradation.phase);
        span = graph.node("Sub", {"high", "low"});
        value = graph.node("Div", {graph.node("Sub", {value, "low"}), span});
        file.inputs = {
            {"image", {"batch", "1", "height", "width"}, "stored intensities, at least 2×2 pixels"},
            {"low", {}, fmt::format("intensity that becomes 0: the first of {}", range_text)},
            {"high", {}, fmt::format("intensity that becomes 1: the second of {}", range_text)}};
        const bool same = degradation.scale == 1;
        file.output = {"output",
                       {"batch", "1", same ? "height" : "output_height", same ? "width" : "output_width"},
                       "stored intensities, not rounded"};
        file.description = fmt::format(
            "Bicubic enlargement (Keys' cubic, a = -1/2, borders mirrored), normalisation by low and high, the "
            "network, and the inverse normalisation: what DNSP's upscale does with a slice. {}",
            purpose(degradation));
    } else {
        const std::string channels = std::to_string(model.input_channels());
        file.inputs = {
            {"image",
             {"batch", channels, "height", "width"},
             fmt::format(
                 "channel 0: intensity of the enlarged image, with {} at 0 and 1{}", range_text,
                 model.input_channels() == 1
                     ? ""
                     : "; channels 1 to 3: probabilities of cerebrospinal fluid, grey matter and white "
                       "matter given the intensity (0 in the background)")}};
        file.output = {"output", {"batch", "1", "height", "width"}, "intensity on the scale of channel 0"};
        file.description =
            fmt::format("The network alone. {}. Input and output have one size.", purpose(degradation));
    }

    const Tensor input = Tensor::zeros({1, height, width, model.input_channels()}, DType::float32);
    graph.begin(input, value);
    Tape tape = Tape::exporting(graph);
    const Tensor output = model.forward(tape, input);
    file.result = graph.image(output);
    if (whole) file.result = graph.node("Add", {graph.node("Mul", {file.result, span}), "low"});
    return serialise_onnx(file, graph);
}

}  // namespace dnsp
