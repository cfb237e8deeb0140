// Layers on a tape that exports. tests/scripts/onnx_contract.py compares whole networks with ONNX Runtime.
#include "engine/export_graph.hpp"
#include "layers/crop.hpp"
#include "layers/pixel_shuffle.hpp"
#include "layers/relu.hpp"
#include "tests/catch.hpp"

using namespace dnsp;

namespace {

/// A graph whose input is an image of 4×6 pixels.
struct Recording {
    ParameterStore store;
    ExportGraph graph{store};
    Tape tape = Tape::exporting(graph);
    Tensor image;
    explicit Recording(std::int64_t channels = 1)
        : image(Tensor::zeros({1, 4, 6, channels}, DType::float32)) {
        graph.begin(image, "image");
    }
    template <class Action>
    std::string complaint(const Action& action) {
        try {
            action();
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    }
};

}  // namespace

TEST_CASE("a layer adds its operators to the graph of an exporting tape") {
    Recording recording;
    const Tensor output = relu(recording.tape, relu(recording.tape, recording.image));
    const auto& nodes = recording.graph.nodes();
    REQUIRE(nodes.size() == 2);
    CHECK(nodes[0].op == "Relu");
    CHECK(nodes[0].inputs == std::vector<std::string>{"image"});
    CHECK(nodes[1].inputs == std::vector<std::string>{nodes[0].output});
    CHECK(recording.graph.image(output) == nodes[1].output);
    CHECK_FALSE(output.requires_gradient());
}

TEST_CASE("a layer without a form in ONNX is refused where its output is read") {
    Recording recording;
    const Tensor part = crop(recording.tape, recording.image, 1, 2);
    CHECK(recording.complaint([&] { relu(recording.tape, part); }).find("docs/extending.md") !=
          std::string::npos);
}

TEST_CASE("the export refuses shuffles that its graph cannot describe") {
    Recording recording, channels(2);
    CHECK(channels.complaint([&] { pixel_unshuffle(channels.tape, channels.image, 2); }).find("[export]") !=
          std::string::npos);
    const Tensor low = pixel_unshuffle(recording.tape, recording.image, 2);
    CHECK(
        recording.complaint([&] { pixel_shuffle(recording.tape, low, 2, 3, 6); }).find("height and width") !=
        std::string::npos);
    CHECK(recording.complaint([&] { pixel_shuffle(recording.tape, low, 2, 4, 6); }).empty());
}
