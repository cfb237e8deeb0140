// The preset low-field and the model lfmri on the command line.
#include <nlohmann/json.hpp>

#include "engine/safetensors.hpp"
#include "imaging/nifti.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using testing::bytes_of;
using testing::run_tool;
namespace fs = std::filesystem;

TEST_CASE("simulate writes a low-field volume on the same grid, with the settings beside it") {
    testing::TemporaryFolder folder;
    const auto head = (folder / "head.nii.gz").string(), low = (folder / "low.nii.gz").string(),
               again = (folder / "again.nii.gz").string();
    imaging::write_nifti(head, testing::synthetic_head(30, 34, 6));
    const std::string options = " --preset low-field --from-field 3 --to-field 1 --tissue grey-matter";
    const auto result = run_tool("simulate " + head + " " + low + options);
    INFO(result.output);
    REQUIRE(result.status == 0);
    REQUIRE(run_tool("simulate " + head + " " + again + options).status == 0);
    const imaging::Volume before = imaging::read_nifti(head), after = imaging::read_nifti(low);
    CHECK(after.size == before.size);
    CHECK(after.voxel_size_mm == before.voxel_size_mm);
    CHECK(after.voxels != before.voxels);
    CHECK(imaging::read_nifti(again).voxels == after.voxels);
    const auto record = nlohmann::json::parse(bytes_of(folder / "low.json"))["degradation"];
    CHECK(record["preset"] == "low-field");
    CHECK(record["scale"] == "1");
    CHECK(record["to_field"] == "1.0");
    CHECK(record["tissue"] == "grey-matter");
    CHECK(record.contains("signal_ratio"));
}

TEST_CASE("simulate refuses low-field options that make no sense") {
    testing::TemporaryFolder folder;
    const auto head = (folder / "head.nii.gz").string();
    imaging::write_nifti(head, testing::synthetic_head(30, 34, 3));
    const auto says = [&](const std::string& options, const std::string& reason) {
        const auto result = run_tool("simulate " + head + " " + (folder / "low.nii.gz").string() + options);
        INFO(options << ": " << result.output);
        CHECK(result.status != 0);
        CHECK(result.says(reason));
    };
    says(" --preset low-field --to-field 0.55", "no T1 at 0.55 T");
    says(" --preset low-field --from-field 1.5 --to-field 3", "would need less noise");
    says(" --preset low-field --scale 4", "keeps the grid");
    says(" --preset low-field --noise .1", "other noise is not possible");
    says(" --preset low-field --tr 0", "--tr");
    says(" --to-field 1", "is for the preset low-field");
    says(" --preset low-field --sequence inversion-recovery", "gradient-echo");
}

TEST_CASE("LFMRI is trained for a low field, scored against its input and applied on the same grid") {
    testing::TemporaryFolder folder;
    const auto head = (folder / "head.nii.gz").string(), run = (folder / "run").string(),
               weights = run + "/weights.safetensors";
    imaging::write_nifti(head, testing::synthetic_head(56, 64, 60));
    const auto training =
        run_tool("train_dnsp " + head + " --out " + run +
                 " --model lfmri --preset low-field --to-field 1 --prior NP --epochs 1 --patch 16"
                 " --batch 8 --slice-step 8 --patches-per-slice 4");
    INFO(training.output);
    REQUIRE(training.status == 0);
    CHECK(training.says("133825 parameters"));
    CHECK(training.says("the input on the held-out slices"));
    const auto metadata = read_safetensors(weights).metadata;
    CHECK(nlohmann::json::parse(metadata.at("dnsp.degradation"))["to_field"] == "1.0");
    const auto settings = nlohmann::json::parse(metadata.at("dnsp.settings"));
    CHECK(settings["scale"] == 1);
    CHECK(settings["low_field"]["to_field"] == 1.0);
    CHECK(settings["model"]["global_skip"] == false);

    const auto scores = run_tool("evaluate " + head + " --held-out --slice-step 4 --weights " + weights +
                                 " --json " + (folder / "e.json").string());
    INFO(scores.output);
    REQUIRE(scores.status == 0);
    const auto json = nlohmann::json::parse(bytes_of(folder / "e.json"));
    CHECK(json["methods"][0]["name"] == "input");
    CHECK(json["convention"]["degradation"]["to_field"] == "1.0");

    // A network that reads the intensity only can be scored in the same run.
    const auto other = (folder / "srcnn").string();
    REQUIRE(run_tool("train_dnsp " + head + " --out " + other +
                     " --model srcnn --preset low-field --to-field 1 --prior NP --epochs 1 --patch 16"
                     " --batch 8 --slice-step 8 --patches-per-slice 4")
                .status == 0);
    const std::string common = "evaluate " + head + " --held-out --slice-step 4 --json ";
    const auto alone =
        run_tool(common + (folder / "a.json").string() + " --weights " + other + "/weights.safetensors");
    const auto both = run_tool(common + (folder / "b.json").string() + " --weights " + weights +
                               " --weights " + other + "/weights.safetensors");
    INFO(both.output);
    REQUIRE(both.status == 0);
    CHECK(nlohmann::json::parse(bytes_of(folder / "b.json"))["methods"][2] ==
          nlohmann::json::parse(bytes_of(folder / "a.json"))["methods"][1]);

    const auto out = (folder / "out.nii.gz").string();
    const auto upscaled = run_tool("upscale " + head + " " + out + " --weights " + weights);
    INFO(upscaled.output);
    REQUIRE(upscaled.status == 0);
    CHECK(imaging::read_nifti(out).size == imaging::read_nifti(head).size);
}
