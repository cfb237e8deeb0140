// The sidecar of a result: what it records, what it takes over from the input's sidecar, and --verify.
#include "tools/upscale/record.hpp"

#include <nlohmann/json.hpp>

#include "base/sha256.hpp"
#include "imaging/nifti.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using testing::bytes_of;
using testing::run_tool;
using testing::trained;
namespace fs = std::filesystem;

namespace {

nlohmann::json json_of(const fs::path& path) { return nlohmann::json::parse(bytes_of(path)); }

}  // namespace

TEST_CASE("names of results follow the order of BIDS entities") {
    CHECK(tools::bids_name("sub-01_T1w.nii.gz") == "sub-01_rec-dnsp_T1w.nii.gz");
    CHECK(tools::bids_name("sub-01_ses-2_acq-thick_run-1_FLAIR.nii") ==
          "sub-01_ses-2_acq-thick_rec-dnsp_run-1_FLAIR.nii");
    CHECK(tools::bids_name("sub-01_rec-norm_run-1_T1w.nii.gz") == "sub-01_rec-normdnsp_run-1_T1w.nii.gz");
    CHECK(tools::bids_name("scan.nii.gz") == "scan_rec-dnsp.nii.gz");
    CHECK(tools::bids_name("a_b.png") == "a_b_rec-dnsp.png");
}

TEST_CASE("the sidecar records how a result was made, and --verify repeats it") {
    const testing::TemporaryFolder folder;
    const auto input = folder / "head.nii.gz", output = folder / "out.nii.gz", sidecar = folder / "out.json";
    imaging::write_nifti(input, testing::synthetic_head(24, 20, 12));
    const std::string options = " --weights " + trained().weights.string() + " --ensemble --consistent";
    const auto run = run_tool("upscale " + input.string() + " " + output.string() + options +
                              " --consistency " + (folder / "difference.nii.gz").string());
    INFO(run.output);
    REQUIRE(run.status == 0);
    const auto record = json_of(sidecar);
    CHECK(record["input_sha256"] == sha256_of(input));
    CHECK(record["output_sha256"] == sha256_of(output));
    CHECK(record["weights"]["name"] == "weights");
    CHECK(record["weights"]["sha256"] == sha256_of(trained().weights));
    CHECK(record["version"] == DNSP_VERSION);
    CHECK(record["device"] == "cpu");
    CHECK(record["Sources"][0] == "head.nii.gz");
    CHECK(record["acquisition"]["preset"] == "gaussian");
    CHECK(record["command"] == "upscale " + input.string() + " " + output.string() + options);
    // The printed number, as a share instead of per cent.
    const double share = record["consistency"];
    CHECK((share >= 0.0 && share < 1e-4));
    CHECK(bytes_of(output).size() > 0);
    CHECK(run_tool("upscale " + input.string() + " " + output.string() + options).says("already exists"));
    fs::remove(output);
    CHECK(run_tool("upscale " + input.string() + " " + output.string() + options)
              .says("out.json: already exists"));

    const auto verified = run_tool("upscale --verify " + sidecar.string());
    INFO(verified.output);
    CHECK(verified.status == 0);
    CHECK(verified.says("the repeated run gives the same bits; "));  // out.nii.gz was removed
    auto changed = record;
    changed["output_sha256"] = std::string(64, '0');
    std::ofstream(folder / "changed.json") << changed;
    CHECK(run_tool("upscale --verify " + (folder / "changed.json").string()).says("gives another result"));
    imaging::Volume other = imaging::read_nifti(input);
    other.voxels[other.voxels.size() / 2] += 5.0f;
    imaging::write_nifti(input, other);
    const auto refused = run_tool("upscale --verify " + sidecar.string());
    CHECK(refused.status == 1);
    CHECK(refused.says("is not the input of the recorded run"));
}

TEST_CASE("the input's sidecar is carried over, with the slices corrected") {
    const testing::TemporaryFolder folder;
    const auto input = folder / "sub-1_T2w.nii.gz";
    imaging::Volume scan = testing::synthetic_head(40, 40, 14);
    scan.voxel_size_mm[2] = 4.0;
    imaging::write_nifti(input, scan);
    std::ofstream(folder / "sub-1_T2w.json")
        << R"({"EchoTime": 0.1, "SliceThickness": 3.6, "SpacingBetweenSlices": 4, "kind": "not of BIDS"})";
    const auto results = folder / "results";
    const auto run = run_tool("upscale " + input.string() + " " + results.string() +
                              " --bids --method bicubic --direction through-plane --voxel 2");
    INFO(run.output);
    REQUIRE(run.status == 0);
    CHECK(fs::exists(results / "sub-1_rec-dnsp_T2w.nii.gz"));
    const auto record = json_of(results / "sub-1_rec-dnsp_T2w.json");
    CHECK(record["EchoTime"] == 0.1);
    CHECK_FALSE(record.contains("kind"));
    CHECK(record["SliceThickness"] == 2.0);
    CHECK(record["SpacingBetweenSlices"] == 2.0);
    CHECK(record["weights"].is_null());
    CHECK(record["voxel_size_mm"][2] == 2.0);
    CHECK(record["command"] == "upscale " + input.string() + " " +
                                   (results / "sub-1_rec-dnsp_T2w.nii.gz").string() +
                                   " --method bicubic --direction through-plane --voxel 2");
    CHECK(run_tool("upscale --verify " + (results / "sub-1_rec-dnsp_T2w.json").string())
              .says("the same bits\n"));
}

TEST_CASE("a record that cannot be repeated is refused with the reason") {
    const testing::TemporaryFolder folder;
    const auto verify = [&](const nlohmann::json& record) {
        std::ofstream(folder / "r.json") << record;
        const auto result = run_tool("upscale --verify " + (folder / "r.json").string());
        CHECK(result.status == 1);
        return result.output;
    };
    CHECK(verify("text").find("is not a record of upscale") != std::string::npos);
    const nlohmann::json timed = {{"arguments", {"--self", "a.nii", "b.nii", "--minutes", "2"}},
                                  {"input", "a.nii"},
                                  {"input_sha256", ""},
                                  {"output", "b.nii"},
                                  {"output_sha256", ""},
                                  {"version", "0"}};
    CHECK(verify(timed).find("--self without --steps") != std::string::npos);
    auto absent = timed;
    absent["arguments"] = {"a.nii", "b.nii"};
    CHECK(verify(absent).find("a.nii: no such file") != std::string::npos);
    CHECK(run_tool("upscale --verify " + (folder / "none.json").string()).says("none.json: no such file"));
}

TEST_CASE("command lines in records are quoted for a shell") {
    CHECK(tools::command_text("upscale", {"a b.nii", "it's", "--scale=2", ""}) ==
          "upscale 'a b.nii' 'it'\\''s' --scale=2 ''");
}
