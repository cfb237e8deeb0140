#include "training/checkpoint.hpp"

#include <fstream>

#include "inference/tiled_inference.hpp"
#include "inference/trained_network.hpp"
#include "tests/catch.hpp"
#include "tests/model_options.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/synthetic_head.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;
using dnsp::testing::test_device;

TEST_CASE("weights are restored with their description, without folders and command line") {
    testing::TemporaryFolder folder;
    const auto path = folder / "w.safetensors";
    RunDescription run;
    run.settings.model = {"edsr", 2, 8, true};
    run.settings.inputs = {"/somebody/private/scan.nii.gz"};
    run.command = "train_dnsp /somebody/private/scan.nii.gz";
    run.held_out = {{"scan.nii.gz", {3, 4, 5}}};
    ParameterStore store;
    const auto model = make_model(run.settings.model, store);
    store.allocate(DType::float32, test_device(), 7);
    save_weights(path, run, store);

    const TrainedNetwork loaded = load_network(path, {});
    REQUIRE(loaded.model->options().depth == 2);
    REQUIRE(loaded.degradation.scale == 2);
    REQUIRE(loaded.held_out.at(0).slices == std::vector<int>{3, 4, 5});
    REQUIRE(loaded.store->values().to_vector<float>() == store.values().to_vector<float>());
    const RunDescription described = read_run_description(path);
    REQUIRE(described.settings.inputs == std::vector<std::string>{"scan.nii.gz"});
    REQUIRE(described.command.empty());
    std::ifstream in(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    REQUIRE(bytes.find("private") == std::string::npos);
}

TEST_CASE("a weights file restores a network that computes at low resolution") {
    testing::TemporaryFolder folder;
    const auto path = folder / "w.safetensors";
    RunDescription run;
    run.settings.model = testing::model_options({{"name", "edsr"},
                                                 {"depth", 1},
                                                 {"width", 16},
                                                 {"global_skip", false},
                                                 {"unshuffle", 3},
                                                 {"residual_scale", 0.7}});
    ParameterStore store;
    const auto model = make_model(run.settings.model, store);
    store.allocate(DType::float32, test_device(), 7);
    save_weights(path, run, store);

    const TrainedNetwork loaded = load_network(path, test_device());
    REQUIRE(loaded.model->pixel_block() == 3);
    // Sides that are not multiples of 3.
    const Shape shape{1, 41, 31, 1};
    const Tensor image = Tensor::from<float>(
        shape, reference::cast<float>(reference::uniform(shape.elements(), 1, 0, 1)), test_device());
    const auto expected = infer(*model, image).to_vector<float>();
    REQUIRE(infer(*loaded.model, image).to_vector<float>() == expected);
    REQUIRE(infer(*loaded.model, image, {.tile = 14}).to_vector<float>() == expected);
}
