// Thick slices on the command line: simulate, train, evaluate and upscale.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/safetensors.hpp"
#include "imaging/nifti.hpp"
#include "imaging/picture.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using testing::bytes_of;
using testing::run_tool;

TEST_CASE("a network for thick slices is trained, scored and applied to a simulated scan") {
    testing::TemporaryFolder folder;
    const auto head = (folder / "head.nii.gz").string(), low = (folder / "low.nii.gz").string(),
               high = (folder / "high.nii.gz").string(), run = (folder / "run").string(),
               weights = run + "/weights.safetensors";
    imaging::write_nifti(head, testing::synthetic_head(40, 44, 60));
    const std::string acquisition = " --direction through-plane --thickness 3 --spacing 4 --profile box";
    const auto simulated = run_tool("simulate " + head + " " + low + acquisition);
    INFO(simulated.output);
    REQUIRE(simulated.status == 0);
    CHECK(imaging::read_nifti(low).size == std::array<int, 3>{40, 44, 15});
    CHECK(imaging::read_nifti(low).voxel_size_mm[2] == 4.0);
    const auto record = nlohmann::json::parse(bytes_of(folder / "low.json"));
    CHECK(record["degradation"]["thickness_mm"] == "3");
    CHECK(record["degradation"]["profile"] == "box");

    const auto training = run_tool("train_dnsp " + head + " --out " + run + acquisition +
                                   " --model srcnn --prior NP --epochs 1 --patch 16 --batch 8 --slice-step 8"
                                   " --patches-per-slice 4");
    INFO(training.output);
    REQUIRE(training.status == 0);
    CHECK(training.says("bicubic on the held-out slices"));
    const auto metadata = read_safetensors(weights).metadata;
    CHECK(nlohmann::json::parse(metadata.at("dnsp.degradation"))["spacing_mm"] == "4");

    const auto scores = run_tool("evaluate " + head + " --held-out --slice-step 4 --weights " + weights +
                                 " --json " + (folder / "e.json").string());
    INFO(scores.output);
    REQUIRE(scores.status == 0);
    CHECK(scores.says("bicubic"));

    const auto upscaled = run_tool("upscale " + low + " " + high + " --weights " + weights + " --voxel 2");
    INFO(upscaled.output);
    REQUIRE(upscaled.status == 0);
    CHECK(upscaled.says("through-plane; slices are 4 mm apart, pixels 1×1 mm; new slices 2 mm apart"));
    CHECK_FALSE(upscaled.says("warning"));
    CHECK(imaging::read_nifti(high).size == std::array<int, 3>{40, 44, 30});

    imaging::Volume wider = imaging::read_nifti(low);
    wider.header = nullptr;
    wider.voxel_size_mm[2] = 6.0;
    imaging::write_nifti(low, wider);
    CHECK(run_tool("upscale " + low + " " + high + " --force --weights " + weights)
              .says("warning: the weights were trained for slices 4 mm apart, these are 6 mm apart"));
    const auto refused = [&](const std::string& options, const std::string& reason) {
        const auto result = run_tool("upscale " + low + " " + high + " --force " + options);
        INFO(options << ": " << result.output);
        CHECK(result.status != 0);
        CHECK(result.says(reason));
    };
    refused("--weights " + weights + " --direction in-plane", "was trained through-plane");
    refused("--weights " + weights + " --scale 2", "--voxel is their distance");
    refused("--weights " + weights + " --voxel 6", "would not be finer");
    refused("--weights " + weights + " --voxel 0", "--voxel");
    refused("--weights " + testing::trained().weights.string() + " --direction through-plane", "in-plane");
    refused("--weights " + testing::trained().weights.string() + " --voxel 1", "the scale decides");
    refused("--method lrtv --direction through-plane", "does not make thin slices");
    refused("--method bicubic --scale 2 --direction through-plane", "--voxel");
    refused("--method bicubic --scale 2 --voxel 1", "needs --direction through-plane");
    CHECK(run_tool("upscale " + low + " " + high + " --force --method bicubic --direction through-plane")
              .status == 0);
    CHECK(run_tool("evaluate " + head + " --method lrtv" + acquisition).says("not thick slices"));
    CHECK(run_tool("evaluate " + head + " --weights " + weights + " --weights " +
                   testing::trained().weights.string() + " --label a --label b")
              .status != 0);
}

TEST_CASE("upscale --self trains on the scan, and its weights give the same result") {
    testing::TemporaryFolder folder;
    const auto scan = (folder / "scan.nii.gz").string(), out = (folder / "out.nii.gz").string(),
               again = (folder / "again.nii.gz").string(), weights = (folder / "w.safetensors").string();
    imaging::Volume thick = testing::synthetic_head(64, 56, 10);
    thick.voxel_size_mm = {1.0, 1.0, 4.0};
    imaging::write_nifti(scan, thick);
    const auto result =
        run_tool("upscale --self " + scan + " " + out + " --device cpu --steps 2 --save-weights " + weights);
    INFO(result.output);
    REQUIRE(result.status == 0);
    CHECK(imaging::read_nifti(out).size == std::array<int, 3>{64, 56, 40});
    REQUIRE(run_tool("upscale " + scan + " " + again + " --device cpu --weights " + weights).status == 0);
    CHECK(imaging::read_nifti(out).voxels == imaging::read_nifti(again).voxels);
    CHECK(run_tool("upscale " + scan + " " + again + " --force --method bicubic --scale 2")
              .says("in-plane; slices are 4 mm apart, pixels 1×1 mm. The slices stay that far apart"));
    const std::string consistency = (folder / "c.nii.gz").string(), spread = (folder / "s.nii.gz").string();
    const std::string more = " --consistency " + consistency + " --ensemble --spread " + spread;
    const auto consistent = run_tool("upscale " + scan + " " + out +
                                     " --device cpu --force --consistent --weights " + weights + more);
    INFO(consistent.output);
    REQUIRE(consistent.status == 0);
    CHECK(consistent.says("acquired again, differs from the input by"));
    const imaging::Volume difference = imaging::read_nifti(consistency);
    CHECK(difference.size == thick.size);
    CHECK(*std::max_element(difference.voxels.begin(), difference.voxels.end()) < 0.1f);  // of 800
    CHECK(imaging::read_nifti(spread).size == std::array<int, 3>{64, 56, 40});
    const auto refused = [&](const std::string& options, const std::string& reason) {
        const auto refusal = run_tool("upscale " + scan + " " + out + " --force " + options);
        INFO(options << ": " << refusal.output);
        CHECK(refusal.status != 0);
        CHECK(refusal.says(reason));
    };
    CHECK(run_tool("upscale " + scan + " " + (folder / "new.nii").string() + " --weights " + weights + more)
              .says("already exists"));
    refused("--self --weights " + weights, "at most 1");
    refused("--weights " + weights + " --minutes 3", "--minutes needs --self");
    refused("--weights " + weights + " --save-weights w", "--self");
    refused("--self --steps 2 --minutes 1", "give one of them");
    refused("--self --minutes 0", "--minutes");
    refused("--self --steps 2 --thickness -1", "--thickness");
    refused("--self --steps 2 --scale 2", "--scale enlarges pixels");
    refused("--self --steps 2 --direction in-plane", "--self learns");
    refused("--self --device cpu --steps 2 --voxel 5", "would not be finer");
    refused("--weights " + weights + " --spread t.nii", "--ensemble");
    refused("--weights " + weights + " --consistency c.png", "expected the name of a volume");
    refused("--method bicubic --direction through-plane --consistent", "need a model of the acquisition");
    refused("--method bicubic --scale 2 --ensemble", "--method has none");
    CHECK(
        run_tool("upscale " + folder.path().string() + " " + out + " --self --steps 2").says("is a folder"));
    imaging::Image picture(16, 16, 50.0f);
    picture.at(3, 3) = 100.0f;  // a constant picture is refused for that
    imaging::write_picture(folder / "p.png", {picture, 8});
    CHECK(run_tool("upscale " + (folder / "p.png").string() + " " + (folder / "q.png").string() +
                   " --self --steps 2")
              .says("is a picture"));
    imaging::write_nifti(scan, testing::synthetic_head(40, 40, 20));
    refused("--self --steps 2", "do not show what is missing");
}

TEST_CASE("simulate refuses acquisitions that make no sense") {
    testing::TemporaryFolder folder;
    const auto head = (folder / "head.nii.gz").string();
    imaging::write_nifti(head, testing::synthetic_head(30, 34, 12));
    const auto refused = [&](const std::string& options, const std::string& reason) {
        const auto result =
            run_tool("simulate " + head + " " + (folder / "low.nii.gz").string() + " " + options);
        INFO(options << ": " << result.output);
        CHECK(result.status != 0);
        CHECK(result.says(reason));
        CHECK_FALSE(std::filesystem::exists(folder / "low.nii.gz"));
    };
    refused("--direction through-plane", "thickness 0 mm");
    refused("--direction through-plane --thickness 0", "--thickness");
    refused("--direction through-plane --thickness nan", "--thickness");
    refused("--direction through-plane --thickness 40", "less than one slice");
    refused("--direction through-plane --thickness 4 --spacing .5", "below the voxel size");
    refused("--direction through-plane --thickness 4 --preset box", "the preset box is in-plane");
    refused("--direction through-plane --thickness 4 --scale 3", "scale 3");
    refused("--direction through-plane --thickness 4 --profile-file p.txt", "p.txt");
    refused("--direction through-plane --profile measured", "needs a profile file");
    refused("--direction sideways", "--direction");
    refused("--thickness 4", "needs --direction through-plane");
    refused("--preset box --window hamming", "preset kspace");
    imaging::write_picture(folder / "p.png", {imaging::Image(16, 16, 0.5f), 8});
    CHECK(run_tool("simulate " + (folder / "p.png").string() + " " + (folder / "q.png").string() +
                   " --direction through-plane --thickness 4")
              .says("no pixel size"));
}

TEST_CASE("simulate crops the centre of k-space") {
    testing::TemporaryFolder folder;
    const auto head = (folder / "head.nii.gz").string(), low = (folder / "low.nii.gz").string();
    imaging::write_nifti(head, testing::synthetic_head(30, 34, 4));
    const auto result =
        run_tool("simulate " + head + " " + low + " --preset kspace --scale 2 --window hamming");
    INFO(result.output);
    REQUIRE(result.status == 0);
    CHECK(imaging::read_nifti(low).size == std::array<int, 3>{15, 17, 4});
    CHECK(nlohmann::json::parse(bytes_of(folder / "low.json"))["degradation"]["window"] == "hamming");
}
