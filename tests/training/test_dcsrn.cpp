// Runs of a network with running statistics, which are saved and restored with the weights.
#include "inference/tiled_inference.hpp"
#include "inference/trained_network.hpp"
#include "tests/catch.hpp"
#include "tests/test_device.hpp"
#include "tests/training/small_run.hpp"
#include "training/trainer.hpp"

using namespace dnsp;
using namespace dnsp::testing;
namespace fs = std::filesystem;

namespace {

auto never = [] { return false; };
auto nobody = [](const TrainingProgress&) {};

Trainer trainer_of(const fs::path& out, const fs::path& resume = {}) {
    TrainingSettings settings = small_settings("NP");
    settings.model = {"dcsrn", 2, 4, true};
    settings.epochs = 2;
    return {settings, small_split(), test_device(), out, "test", resume};
}

}  // namespace

TEST_CASE("a run of DCSRN stopped at any step resumes bitwise identically to an uninterrupted run") {
    testing::TemporaryFolder folder;
    Trainer whole = trainer_of(folder / "whole");
    REQUIRE(whole.run(nobody, never));
    if (test_device().kind == DeviceKind::cuda)
        REQUIRE(lines_of(folder / "whole/log.jsonl", "graph").size() == 1);  // captured in a CUDA graph
    const std::int64_t steps = whole.total_steps();
    for (const std::int64_t stop_at : {std::int64_t{1}, steps / 2}) {
        INFO("stopped after step " << stop_at);
        const fs::path out = folder / ("stopped" + std::to_string(stop_at));
        std::int64_t done = 0;
        REQUIRE_FALSE(trainer_of(out).run(nobody, [&] { return ++done == stop_at; }));
        REQUIRE(trainer_of(out, out / "checkpoint.safetensors").run(nobody, never));
        for (const char* name : {"weights.safetensors", "checkpoint.safetensors"})
            REQUIRE(bytes_of(out / name) == bytes_of(folder / "whole" / name));
        REQUIRE(step_lines(out / "log.jsonl") == step_lines(folder / "whole/log.jsonl"));
    }
}

TEST_CASE("DCSRN files restore the running statistics, and tiles are bitwise identical to the image") {
    testing::TemporaryFolder folder;
    Trainer trainer = trainer_of(folder / "run");
    REQUIRE(trainer.run(nobody, never));
    const TensorFile weights = read_safetensors(folder / "run/weights.safetensors"),
                     checkpoint = read_safetensors(folder / "run/checkpoint.safetensors");
    const std::string name = "model.units.1.norm.running_var";
    const auto variance = weights.tensors.at(name).to_vector<float>();
    REQUIRE(variance != std::vector<float>(variance.size(), 1.0f));
    REQUIRE(checkpoint.tensors.at(name).to_vector<float>() == variance);
    REQUIRE_FALSE(checkpoint.tensors.contains("adam.m.units.1.norm.running_var"));
    REQUIRE(checkpoint.tensors.contains("adam.m.units.1.norm.gamma"));

    std::vector<std::vector<float>> images;
    const Tensor input =
        Tensor::from<float>({1, 33, 29, 1}, std::vector<float>(33 * 29, 0.4f), test_device());
    input.view(100, {500}).fill(0.9);
    for (const char* file : {"weights.safetensors", "checkpoint.safetensors"}) {
        const TrainedNetwork network = load_network(folder / "run" / file, test_device());
        for (const int tile : {0, 11, 16})
            images.push_back(infer(*network.model, input, {.tile = tile}).to_vector<float>());
    }
    for (const auto& image : images) REQUIRE(image == images.front());
    REQUIRE(images.front() != input.to_vector<float>());
}
