// train_dnsp --init: runs that start from the network of a weights file.
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/sha256.hpp"
#include "engine/safetensors.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using nlohmann::json;
using testing::bytes_of;
using testing::run_tool;
using testing::trained;
namespace fs = std::filesystem;

namespace {

/// So small that Adam's steps change no float32.
const std::string no_learning = " --lr 1e-30 --filter-lr 1e-30 --steps 2 --patch 16 --batch 8 --prior NP";

json settings_of(const fs::path& weights) {
    return json::parse(read_safetensors(weights).metadata.at("dnsp.settings"));
}

json first_line_of(const fs::path& log) {
    const std::string text = bytes_of(log);
    return json::parse(text.substr(0, text.find('\n')));
}

void require_equal_tensors(const TensorFile& a, const TensorFile& b) {
    REQUIRE(a.tensors.size() == b.tensors.size());
    for (const auto& [name, tensor] : a.tensors) {
        INFO(name);
        REQUIRE(tensor.to_vector<float>() == b.tensors.at(name).to_vector<float>());
    }
}

/// A run with --init must fail and say each of the texts.
void require_refusal(const std::string& options, const std::vector<std::string>& texts) {
    testing::TemporaryFolder folder;
    const auto result = run_tool("train_dnsp " + trained().volume.string() + no_learning + " --out " +
                                 (folder / "run").string() + " " + options);
    INFO(result.output);
    REQUIRE(result.status != 0);
    for (const std::string& text : texts) {
        INFO(text);
        REQUIRE(result.says(text));
    }
    REQUIRE_FALSE(fs::exists(folder / "run"));
}

}  // namespace

TEST_CASE("a run that starts from weights begins with the scores of evaluate and says where it began") {
    testing::TemporaryFolder folder;
    const fs::path other = folder / "other.nii.gz", run = folder / "run";
    imaging::write_nifti(other, testing::synthetic_head(52, 60, 40));
    const auto tuned = run_tool("train_dnsp " + trained().volume.string() + " --validation " +
                                other.string() + " --validation-slices 1000 --out " + run.string() +
                                " --init " + trained().weights.string() + no_learning);
    INFO(tuned.output);
    REQUIRE(tuned.status == 0);
    REQUIRE(tuned.says("starts from " + trained().weights.string() + ", trained for in-plane ×2, gaussian"));
    const auto evaluated = run_tool("evaluate " + other.string() + " --weights " +
                                    trained().weights.string() + " --json " + (folder / "e.json").string());
    INFO(evaluated.output);
    REQUIRE(evaluated.status == 0);
    const json start = first_line_of(run / "log.jsonl").at("validation");
    const json scores = json::parse(bytes_of(folder / "e.json"));
    INFO(scores.dump(1).substr(0, 3000));
    json network;
    for (const json& method : scores.at("methods"))
        if (method.at("name") != "bicubic") network = method;
    CHECK(std::abs(start.at("psnr_db").get<double>() - network.at("psnr_db_mean").get<double>()) < 1e-6);
    CHECK(std::abs(start.at("ssim").get<double>() - network.at("ssim_mean").get<double>()) < 1e-8);

    require_equal_tensors(read_safetensors(run / "weights.safetensors"), read_safetensors(trained().weights));
    for (const char* name : {"weights.safetensors", "checkpoint.safetensors"}) {
        const json settings = settings_of(run / name);
        CHECK(settings.at("init") == "weights.safetensors");
        CHECK(settings.at("init_sha256") == sha256_of(trained().weights));
    }
    CHECK(settings_of(trained().weights).at("init") == "");
}

TEST_CASE("a shipped network of float16 is fine-tuned by its name, with its own architecture") {
    testing::TemporaryFolder folder;
    const fs::path run = folder / "run";
    const auto tuned = run_tool("train_dnsp " + trained().volume.string() + " --init x2-fast --recipe fast" +
                                no_learning + " --out " + run.string());
    INFO(tuned.output);
    REQUIRE(tuned.status == 0);
    REQUIRE(tuned.says("edsr: 632452 parameters"));
    const fs::path shipped = testing::bin_folder() / "../share/dnsp/weights/x2-fast.safetensors";
    require_equal_tensors(read_safetensors(run / "weights.safetensors"), read_safetensors(shipped));
    CHECK(settings_of(run / "weights.safetensors").at("model") == settings_of(shipped).at("model"));
    CHECK(settings_of(run / "weights.safetensors").at("init") == "x2-fast.safetensors");
}

TEST_CASE("fine-tuning is reproducible, and resumes bitwise identically") {
    testing::TemporaryFolder folder;
    const std::string command = "train_dnsp " + trained().volume.string() + " --init " +
                                trained().weights.string() + " --prior AP --patch 16 --batch 8 --lr 1e-3";
    const auto weights = [&](const std::string& run) {
        return bytes_of(folder / run / "weights.safetensors");
    };
    const auto out = [&](const std::string& run) { return " --out " + (folder / run).string(); };
    REQUIRE(run_tool(command + " --steps 4" + out("once")).status == 0);
    REQUIRE(run_tool(command + " --steps 4" + out("again")).status == 0);
    REQUIRE(run_tool(command + " --steps 2" + out("parts")).status == 0);
    REQUIRE(weights("parts") != weights("once"));
    const auto resumed = run_tool("train_dnsp --resume --steps 4" + out("parts"));
    INFO(resumed.output);
    REQUIRE(resumed.status == 0);
    CHECK(weights("again") == weights("once"));
    CHECK(weights("parts") == weights("once"));
}

TEST_CASE("learned filters of a checkpoint are taken where the objective needs them") {
    testing::TemporaryFolder folder;
    const std::string start = "train_dnsp " + trained().volume.string() + " --patch 16 --batch 8 --steps 2";
    REQUIRE(run_tool(start + " --prior LS --seed 5 --lr 1e-3 --filter-lr 1e-2 --filters 3 --out " +
                     (folder / "a").string())
                .status == 0);
    const fs::path checkpoint = folder / "a/checkpoint.safetensors";
    const std::string tune = start + " --lr 1e-30 --filter-lr 1e-30 --init " + checkpoint.string();
    const auto tuned = run_tool(tune + " --prior AP --filters 3 --out " + (folder / "b").string());
    INFO(tuned.output);
    REQUIRE(tuned.status == 0);
    const auto filters = [&](const char* run) {
        return read_safetensors(folder / run / "checkpoint.safetensors")
            .tensors.at("filters")
            .to_vector<float>();
    };
    CHECK(filters("b") == filters("a"));
    const auto more = run_tool(tune + " --prior AP --filters 4 --out " + (folder / "c").string());
    INFO(more.output);
    CHECK(more.status == 1);
    CHECK(more.says("tensor 'filters' expected float32 [4, 3, 3], got float32 [3, 3, 3]"));
    CHECK(run_tool(tune + " --prior NP --out " + (folder / "d").string()).status == 0);
}

TEST_CASE("contradicting options and files that do not fit are refused as a start") {
    testing::TemporaryFolder folder;
    const std::string good = "--init " + trained().weights.string();
    require_refusal(good + " --model edsr", {"--model \"edsr\"", "contradicts --init", "\"srcnn\""});
    require_refusal("--init x2-fast --unshuffle 4", {"--unshuffle 4", "which has 2"});
    require_refusal("--init x2-fast --global-skip false", {"--global-skip false", "which has true"});
    require_refusal(good + " --resume", {"--init", "--resume"});
    require_refusal("--init x9-fast", {"--init x9-fast: no such file", "x2-fast"});
    require_refusal("--init " + (folder / "absent.safetensors").string(),
                    {"absent.safetensors", "cannot be opened"});
    std::ofstream(folder / "junk.safetensors") << "no weights at all, but long enough to have a header";
    require_refusal("--init " + (folder / "junk.safetensors").string(), {"not a safetensors file"});

    const TensorFile file = read_safetensors(trained().weights);
    const auto refused = [&](const TensorFile& changed, const std::string& reason) {
        const fs::path path = folder / "changed.safetensors";
        write_safetensors(path, changed);
        require_refusal("--init " + path.string(), {path.string(), reason});
    };
    TensorFile missing = file, misshapen = file, foreign = file;
    missing.tensors.erase("model.mapping.bias");
    refused(missing, "lacks the tensor 'model.mapping.bias'");
    misshapen.tensors["model.mapping.bias"] = Tensor::zeros({3}, DType::float32);
    refused(misshapen, "tensor 'model.mapping.bias' expected float32 [32], got float32 [3]");
    foreign.metadata.clear();
    refused(foreign, "not of this project");
}
