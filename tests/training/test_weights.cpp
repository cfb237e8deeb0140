#include <cmath>
#include <fstream>

#include "imaging/resample.hpp"
#include "models/tiled_inference.hpp"
#include "tests/catch.hpp"
#include "tests/synthetic_head.hpp"
#include "tests/test_device.hpp"
#include "training/upscaler.hpp"
#include "training/weights.hpp"

using namespace dnsp;
using dnsp::testing::test_device;
namespace fs = std::filesystem;

namespace {

/// A network with random weights everywhere, the last layer included, and its file.
struct SavedNetwork {
    RunDescription run;
    ParameterStore store;
    std::unique_ptr<Model> model;
    SavedNetwork(const ModelOptions& options, const fs::path& path) {
        run.settings.model = options;
        run.settings.inputs = {"/somebody/private/scan.nii.gz"};
        run.command = "train_dnsp /somebody/private/scan.nii.gz";
        run.held_out = {{"scan.nii.gz", {3, 4, 5}}};
        model = make_model(options, store);
        store.allocate(DType::float32, test_device(), 7);
        const Philox random{1, 2};
        for (const auto& p : store.parameters()) {
            std::vector<float> values = p.value.to_vector<float>();
            for (std::int64_t i = 0; i < p.value.elements(); ++i)
                values[static_cast<std::size_t>(i)] +=
                    0.05f * static_cast<float>(random.normal(static_cast<std::uint64_t>(p.first + i)));
            p.value.copy_from(Tensor::from<float>(p.shape, values));
        }
        save_weights(path, run, store);
    }
};

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

TEST_CASE("weights come back with their description, but without folders and command line") {
    test::TemporaryFolder folder;
    const SavedNetwork saved({"edsr", 2, 8, true}, folder / "w.safetensors");
    const TrainedNetwork loaded = load_network(folder / "w.safetensors", {});
    REQUIRE(loaded.model->options().depth == 2);
    REQUIRE(loaded.degradation.scale == 2);
    REQUIRE(loaded.run.held_out.at(0).slices == std::vector<int>{3, 4, 5});
    REQUIRE(loaded.run.settings.inputs == std::vector<std::string>{"scan.nii.gz"});
    REQUIRE(loaded.store->values().to_vector<float>() == saved.store.values().to_vector<float>());
    std::ifstream in(folder / "w.safetensors", std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    REQUIRE_FALSE(contains(bytes, "private"));
}

TEST_CASE("a weights file that does not fit is refused with its name and the reason") {
    test::TemporaryFolder folder;
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
    REQUIRE(contains(rewritten([](TensorFile& f) { f.metadata["dnsp.settings"] = "{}"; }), "metadata"));
    REQUIRE(contains(message_of(folder / "absent.safetensors"), "cannot be opened"));
}

TEST_CASE("an image computed in tiles has the bits of the image computed whole") {
    test::TemporaryFolder folder;
    for (const ModelOptions& options : {ModelOptions{"srcnn", 0, 0, true}, ModelOptions{"edsr", 2, 16, true},
                                        ModelOptions{"edsr", 1, 5, false}}) {
        INFO(options.name << " " << options.width);
        const SavedNetwork saved(options, folder / "w.safetensors");
        // The host executor is slow: there, tiles of a smaller image.
        const bool on_cpu = test_device().kind == DeviceKind::cpu;
        const std::vector<std::pair<int, int>> sizes =
            on_cpu ? std::vector<std::pair<int, int>>{{181, 217}, {64, 33}}
                   : std::vector<std::pair<int, int>>{{33, 29}};
        for (const auto& [height, width] : sizes) {
            const imaging::Volume volume = test::synthetic_head(width, height, 2);
            std::vector<float> pixels(volume.voxels.begin(), volume.voxels.begin() + height * width);
            for (float& p : pixels) p /= 800.0f;
            const Tensor image = Tensor::from<float>({1, height, width, 1}, pixels, test_device());
            const auto whole = infer(*saved.model, image).to_vector<float>();
            for (int tile : on_cpu ? std::vector<int>{16, 37, 64, 100} : std::vector<int>{11, 16}) {
                INFO(height << "×" << width << " in tiles of " << tile);
                const bool same_bits = infer(*saved.model, image, {.tile = tile}).to_vector<float>() == whole;
                REQUIRE(same_bits);
            }
        }
    }
}

TEST_CASE("the slices of a volume come out as they do one by one, whatever is computed at once") {
    test::TemporaryFolder folder;
    const SavedNetwork saved({"edsr", 1, 4, true}, folder / "w.safetensors");
    for (const int axis : {0, 2}) {
        // More slices than the network is given together.
        const imaging::Volume low =
            axis == 0 ? test::synthetic_head(37, 9, 8) : test::synthetic_head(9, 8, 16);
        const auto normalisation = imaging::percentile_normalisation(low.voxels, "volume");
        for (const InferenceOptions& options : {InferenceOptions{0, 3}, InferenceOptions{11, 0}}) {
            const Upscaler upscaler(load_network(folder / "w.safetensors", test_device()), options);
            std::vector<int> progress;
            const imaging::Volume high =
                upscaler.upscale(low, axis, [&](int done) { progress.push_back(done); });
            REQUIRE(progress.back() == imaging::slice_count(low, axis));
            REQUIRE(progress.size() == (axis == 0 ? 3u : 1u));
            REQUIRE(high.size[axis] == low.size[axis]);
            for (int i = 0; i < imaging::slice_count(low, axis); ++i)
                REQUIRE(imaging::extract_slice(high, axis, i).pixels ==
                        upscaler.upscale(imaging::extract_slice(low, axis, i), normalisation).pixels);
            REQUIRE_THROWS_AS(upscaler.upscale(low, axis, [](int) { throw Error("enough"); }), Error);
        }
    }
}

TEST_CASE("an upscaler with a zero-started network is bicubic enlargement in the image's own intensities") {
    test::TemporaryFolder folder;
    RunDescription run;
    run.settings.model = {"srcnn", 0, 0, true};
    ParameterStore store;
    const auto model = make_model(run.settings.model, store);
    store.allocate(DType::float32, test_device(), 1);
    save_weights(folder / "w.safetensors", run, store);
    const Upscaler upscaler(load_network(folder / "w.safetensors", {}));
    const imaging::Image slice = imaging::extract_slice(test::synthetic_head(), 2, 20);
    const auto normalisation = imaging::percentile_normalisation(slice.pixels, "slice");
    const imaging::Image enlarged = imaging::enlarge_bicubic(slice, 2),
                         result = upscaler.upscale(slice, normalisation);
    REQUIRE(result.height == 2 * slice.height);
    for (std::size_t i = 0; i < result.pixels.size(); ++i)
        REQUIRE(std::abs(result.pixels[i] - enlarged.pixels[i]) <= 1e-6f * 1000.0f);
}
