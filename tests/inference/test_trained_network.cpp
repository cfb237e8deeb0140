#include "inference/trained_network.hpp"

#include <cmath>

#include "tests/catch.hpp"
#include "tests/inference/saved_network.hpp"
#include "tests/paths.hpp"
#include "tests/synthetic_head.hpp"

using namespace dnsp;
using namespace dnsp::testing;
namespace fs = std::filesystem;

namespace {

std::string message_of(const fs::path& path) {
    try {
        load_network(path, {});
    } catch (const std::exception& error) {
        return error.what();
    }
    return "no error";
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a weights file is read as network, degradation and held-out slices") {
    testing::TemporaryFolder folder;
    const SavedNetwork saved({"edsr", 2, 8, true}, folder / "w.safetensors");
    const TrainedNetwork loaded = load_network(folder / "w.safetensors", test_device());
    CHECK(loaded.model->options().name == "edsr");
    CHECK(loaded.model->options().depth == 2);
    CHECK(loaded.degradation.scale == 2);
    CHECK(loaded.degradation.sigma == 1.0);
    CHECK(loaded.variant == "AP");
    REQUIRE(loaded.held_out.size() == 1);
    CHECK(loaded.held_out[0].file == "scan.nii.gz");
    CHECK(loaded.held_out[0].slices == std::vector<int>{3, 4, 5});
    CHECK(loaded.store->values().to_vector<float>() == saved.store.values().to_vector<float>());
}

TEST_CASE("missing settings take their defaults, and training settings are not read") {
    testing::TemporaryFolder folder;
    const fs::path path = folder / "w.safetensors";
    const SavedNetwork saved({"srcnn", 0, 0, true}, path);
    TensorFile file = read_safetensors(path);
    file.metadata["dnsp.settings"] = R"({"model": {}, "epochs": "many", "prior": {"alpha": "a lot"}})";
    write_safetensors(path, file);
    const TrainedNetwork loaded = load_network(path, test_device());
    CHECK(loaded.model->options().name == "srcnn");
    CHECK(loaded.model->options().global_skip);
    CHECK(loaded.degradation.preset == "gaussian");
    CHECK(loaded.degradation.scale == 2);
    CHECK(loaded.variant.empty());
    CHECK(loaded.seed == 0);
    file.metadata["dnsp.settings"] = R"({"model": {}, "seed": 5, "scale": 3})";
    write_safetensors(path, file);
    CHECK(load_network(path, test_device()).seed == 5);
    CHECK(load_network(path, test_device()).degradation.scale == 3);
}

TEST_CASE("the weights file and the checkpoint of 0.1.0 hold the same network") {
    const fs::path fixtures = fixtures_folder() / "training";
    const TrainedNetwork weights = load_network(fixtures / "weights.safetensors", test_device());
    const TrainedNetwork checkpoint = load_network(fixtures / "checkpoint.safetensors", test_device());
    CHECK(weights.model->options().name == "edsr");
    CHECK(weights.model->options().width == 2);
    CHECK(weights.variant == "AP");
    CHECK(weights.held_out.at(0).slices.size() == 12);
    const auto values = weights.store->values().to_vector<float>();
    CHECK(values == checkpoint.store->values().to_vector<float>());
    CHECK(std::ranges::any_of(values, [](float value) { return value != 0.0f; }));
}

TEST_CASE("an invalid weights file is refused with its name and the reason") {
    testing::TemporaryFolder folder;
    const fs::path path = folder / "w.safetensors";
    const SavedNetwork saved({"edsr", 1, 4, true}, path);
    TensorFile file = read_safetensors(path);
    auto rewritten = [&](auto change) {
        TensorFile changed = file;
        change(changed);
        write_safetensors(path, changed);
        const std::string message = message_of(path);
        INFO(message);
        REQUIRE(contains(message, path.string()));
        return message;
    };
    REQUIRE(contains(
        rewritten([](TensorFile& f) { f.tensors["model.surprise"] = Tensor::zeros({1}, DType::float32); }),
        "unknown tensor 'model.surprise'"));
    REQUIRE(contains(rewritten([](TensorFile& f) { f.tensors.erase("model.tail.bias"); }),
                     "lacks the tensor 'model.tail.bias'"));
    REQUIRE(contains(
        rewritten([](TensorFile& f) { f.tensors["model.tail.bias"] = Tensor::zeros({2}, DType::float32); }),
        "expected float32 [1], got float32 [2]"));
    REQUIRE(contains(rewritten([](TensorFile& f) {
                         Tensor bad = Tensor::zeros({1}, DType::float32);
                         bad.fill(std::nan(""));
                         f.tensors["model.tail.bias"] = bad;
                     }),
                     "NaN"));
    REQUIRE(contains(rewritten([](TensorFile& f) { f.metadata.clear(); }), "not of this project"));
    REQUIRE(
        contains(rewritten([](TensorFile& f) { f.metadata["dnsp.kind"] = "plan"; }), "not of this project"));
    // Moments are tensors of parameters that are trained.
    REQUIRE(contains(
        rewritten([](TensorFile& f) { f.tensors["adam.m.filters"] = Tensor::zeros({1}, DType::float32); }),
        "unknown tensor 'adam.m.filters'"));
    REQUIRE(contains(rewritten([](TensorFile& f) { f.metadata["dnsp.settings"] = "{}"; }),
                     "metadata lacks the model"));
    const auto with_settings = [&](const std::string& text) {
        return rewritten([&](TensorFile& f) { f.metadata["dnsp.settings"] = text; });
    };
    REQUIRE(contains(with_settings("{"), "metadata cannot be understood"));
    REQUIRE(contains(with_settings("[]"), "lacks the model"));
    REQUIRE(contains(with_settings(R"({"model": {"name": "vgg"}})"), "unknown model 'vgg'"));
    REQUIRE(contains(with_settings(R"({"model": {"depth": "one"}})"), "depth: expected an integer"));
    const std::string later = with_settings(R"({"model": {"name": "edsr", "attention": 3}})");
    REQUIRE(contains(later, "unknown setting 'attention'"));
    REQUIRE(contains(later, "1.2.3"));
    REQUIRE(contains(later, DNSP_VERSION));
    REQUIRE(contains(rewritten([](TensorFile& f) { f.metadata.erase("dnsp.held_out"); }), "dnsp.held_out"));
    REQUIRE(contains(message_of(folder / "absent.safetensors"), "cannot be opened"));
}
