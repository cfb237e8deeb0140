// How the program upscale lists and chooses the weights that come with it.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "imaging/nifti.hpp"
#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using testing::run_tool;
using testing::trained;
namespace fs = std::filesystem;

namespace {

/// A folder of weights, a network for ×2 under the names a-small and a-twin, and a small scan.
struct WeightsFolder {
    testing::TemporaryFolder folder;
    std::string environment, scan;
    WeightsFolder()
        : environment("DNSP_WEIGHTS=" + (folder / "weights").string()),
          scan((folder / "scan.nii.gz").string()) {
        imaging::write_nifti(scan, testing::synthetic_head(32, 28, 12));
        fs::create_directory(folder / "weights");
        for (const char* name : {"a-small", "a-twin"})
            fs::copy_file(trained().weights, folder / "weights" / (std::string(name) + ".safetensors"));
        std::ofstream(folder / "weights/README.md") << "not a weights file\n";
    }
    testing::ToolResult upscale(const std::string& arguments) const {
        return run_tool("upscale " + arguments, environment);
    }
};

}  // namespace

TEST_CASE("upscale without weights chooses those that come with it, and says which") {
    const WeightsFolder weights;
    const auto input = weights.scan, output = (weights.folder / "out.nii.gz").string(),
               named = (weights.folder / "named.nii.gz").string();
    const auto result = weights.upscale(input + " " + output);
    INFO(result.output);
    REQUIRE(result.status == 0);
    CHECK(result.says(
        ": weights a-small, in-plane ×2, gaussian (slices are 1 mm apart, pixels 1×1 mm; fine detail "));
    CHECK(weights.upscale(input + " " + named + " --weights " + trained().weights.string()).status == 0);
    CHECK(imaging::read_nifti(output).voxels == imaging::read_nifti(named).voxels);
    CHECK(weights.upscale(input + " " + named + " --weights a-twin --force").status == 0);
    CHECK(imaging::read_nifti(output).voxels == imaging::read_nifti(named).voxels);
}

TEST_CASE("upscale names what there is if no weights fit") {
    const WeightsFolder weights;
    const auto input = weights.scan, output = (weights.folder / "out.nii.gz").string(),
               thick = (weights.folder / "thick.nii.gz").string();
    imaging::Volume scan = testing::synthetic_head(40, 40, 12);
    scan.voxel_size_mm[2] = 4.0;
    imaging::write_nifti(thick, scan);
    const auto refused = [&](const std::string& arguments, const std::string& reason) {
        const auto result = weights.upscale(arguments);
        INFO(result.output);
        CHECK(result.status == 1);
        CHECK(result.says(reason));
        CHECK_FALSE(fs::exists(output));
    };
    refused(thick + " " + output, "no weights for thick slices come with this program (");
    refused(input + " " + output + " --scale 3", "no weights for in-plane ×3");
    refused(input + " " + output + " --weights b", "--weights b: no such file, and ");
    refused(input + " " + output + " --weights b", "has a-small, a-twin");
    refused(input + " " + output + " --direction through-plane --scale 2", "--scale enlarges pixels");
    // In-plane by the user's choice.
    CHECK(weights.upscale(thick + " " + output + " --scale 2")
              .says(": weights a-small, in-plane ×2, gaussian (fine detail "));
    const auto neither = run_tool("upscale " + input + " " + output + " --force",
                                  "DNSP_WEIGHTS=" + (weights.folder / "none").string());
    CHECK(neither.says("none has no weights"));
}

TEST_CASE("the option --list-weights prints a table or JSON, and needs no other argument") {
    const WeightsFolder weights;
    const auto table = weights.upscale("--list-weights"), json = weights.upscale("--list-weights --json");
    INFO(table.output);
    INFO(json.output);
    REQUIRE((table.status == 0 && json.status == 0));
    CHECK(table.says("a-small"));
    CHECK(table.says("in-plane ×2"));
    const auto list = nlohmann::json::parse(json.output);
    REQUIRE(list.size() == 2);
    CHECK(list[1]["name"] == "a-twin");
    CHECK(list[1]["scale"] == 2);
    CHECK(list[1]["bytes"] == fs::file_size(trained().weights));
    CHECK(weights.upscale("").status == 2);
    CHECK(weights.upscale("").says("input is required"));
    CHECK(weights.upscale("only").says("output is required"));
    CHECK(weights.upscale("a.nii b.nii --json").status == 2);
    std::ofstream(weights.folder / "weights/broken.safetensors") << "broken";
    CHECK(weights.upscale("--list-weights").says("broken.safetensors: is not a safetensors file"));
}
