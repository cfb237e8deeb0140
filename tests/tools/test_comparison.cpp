// evaluate --reference: finished images beside their references.
#include <cmath>
#include <nlohmann/json.hpp>

#include "imaging/nifti.hpp"
#include "imaging/picture.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using testing::bytes_of;
using testing::run_tool;

namespace {

/// Adds a pattern of the given size to a head.
imaging::Volume disturbed(imaging::Volume volume, float size) {
    for (std::size_t i = 0; i < volume.voxels.size(); ++i)
        volume.voxels[i] += size * std::sin(0.7f * static_cast<float>(i % 997));
    return volume;
}

/// Folders truth, good and bad, each of three persons.
struct Persons {
    testing::TemporaryFolder folder;
    Persons() {
        for (const char* name : {"truth", "good", "bad"}) std::filesystem::create_directory(folder / name);
        for (int person = 1; person <= 3; ++person) {
            const std::string name = "sub-" + std::to_string(person) + "_T1w.nii";
            const imaging::Volume head = testing::synthetic_head(24 + person, 28, 26);
            imaging::write_nifti(folder / "truth" / (name + ".gz"), head);
            imaging::write_nifti(folder / "good" / name,
                                 disturbed(head, 1.0f + 0.1f * static_cast<float>(person)));
            imaging::write_nifti(folder / "bad" / (name + ".gz"), disturbed(head, 4.0f));
        }
    }
    std::string path(const std::string& name) const { return (folder / name).string(); }
};

}  // namespace

TEST_CASE("candidates are compared with references, by person") {
    const Persons persons;
    const auto json_file = persons.path("scores.json"), csv_file = persons.path("scores.csv");
    const auto result =
        run_tool("evaluate --reference " + persons.path("truth") + " --candidate bad=" + persons.path("bad") +
                 " --candidate " + persons.path("good") + " --direction through-plane --thickness 4 --json " +
                 json_file + " --csv " + csv_file);
    INFO(result.output);
    REQUIRE(result.status == 0);
    CHECK(result.says("3 persons; all voxels count"));
    const auto json = nlohmann::json::parse(bytes_of(json_file));
    REQUIRE(json["candidates"].size() == 2);
    const auto& good = json["candidates"][1];
    CHECK(json["candidates"][0]["name"] == "bad");
    CHECK(good["name"] == "good");
    REQUIRE(good["per_person"].size() == 3);
    for (std::size_t p = 0; p < 3; ++p) {
        const auto& a = json["candidates"][0]["per_person"][p];
        const auto& b = good["per_person"][p];
        CHECK(b["person"] == "sub-" + std::to_string(p + 1));
        for (const char* key : {"psnr_db", "ssim2d", "ssim3d"})
            CHECK(b[key].get<double>() > a[key].get<double>());
        for (const char* key : {"nrmse", "hfen", "gradient_error", "consistency"})
            CHECK(b[key].get<double>() < a[key].get<double>());
        // The errors have one shape, so that NRMSE is in the ratio of their sizes.
        const double ratio = (1.0 + 0.1 * (static_cast<double>(p) + 1.0)) / 4.0;
        CHECK(std::abs(b["nrmse"].get<double>() / a["nrmse"].get<double>() - ratio) < 1e-4);
    }
    CHECK(good["median_rank"]["psnr_db"] == 1.0);
    CHECK(json["candidates"][0]["median_rank"]["hfen"] == 2.0);
    REQUIRE(json["paired"].size() == 8);
    const auto& pair = json["paired"][0];
    CHECK((pair["metric"] == "psnr_db" && pair["candidate"] == "good" && pair["base"] == "bad" &&
           pair["n"] == 3));
    CHECK(pair["wilcoxon_p"] == 0.25);
    CHECK(pair["mean_difference"].get<double>() > 0.0);
    CHECK(json["convention"]["acquisition"]["thickness_mm"] == "4");
    const std::string csv = bytes_of(csv_file);
    CHECK(csv.starts_with("person,candidate,file,psnr_db,"));
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 7);
}

TEST_CASE("a mask, a linear match and pictures") {
    const Persons persons;
    const std::string truth = persons.path("truth/sub-1_T1w.nii.gz"), other = persons.path("other.nii"),
                      mask = persons.path("mask.nii"), json_file = persons.path("scores.json");
    const imaging::Volume head = imaging::read_nifti(truth);
    imaging::Volume changed = head, counted = head;
    for (std::size_t i = 0; i < head.voxels.size(); ++i) {
        changed.voxels[i] = 0.5f * head.voxels[i] + 20.0f + (i == 0 ? 50.0f : 0.0f);
        counted.voxels[i] = i == 0 ? 0.0f : 1.0f;
    }
    imaging::write_nifti(other, changed);
    imaging::write_nifti(mask, counted);
    const auto psnr = [&](const std::string& options) {
        const auto result = run_tool("evaluate --reference " + truth + " --candidate " + other +
                                     " --force --json " + json_file + options);
        INFO(result.output);
        REQUIRE(result.status == 0);
        const auto json = nlohmann::json::parse(bytes_of(json_file));
        CHECK(json["candidates"][0]["name"] == "other");
        CHECK(json["candidates"][0]["per_person"][0]["consistency"].is_null());
        return json["candidates"][0]["per_person"][0]["psnr_db"].get<double>();
    };
    const double plain = psnr("");
    CHECK(psnr(" --match") > plain + 10.0);
    CHECK(psnr(" --match --mask " + mask) > psnr(" --match") + 10.0);

    imaging::Picture picture{imaging::extract_slice(head, 2, 12), 16};
    imaging::write_picture(persons.path("a.png"), picture);
    for (float& x : picture.image.pixels) x += 3.0f;
    imaging::write_picture(persons.path("b.png"), picture);
    const auto pictures = run_tool("evaluate --reference " + persons.path("a.png") + " --candidate " +
                                   persons.path("b.png") + " --scale 2");
    INFO(pictures.output);
    CHECK(pictures.status == 0);
    CHECK_FALSE(pictures.says("SSIM 3-D"));
}

TEST_CASE("what cannot be compared is refused by name") {
    const Persons persons;
    const std::string truth = persons.path("truth"), one = truth + "/sub-1_T1w.nii.gz";
    const auto refused = [&](const std::string& options, const std::string& reason) {
        const auto result = run_tool("evaluate " + options);
        INFO(options << ": " << result.output);
        CHECK(result.status != 0);
        CHECK(result.says(reason));
    };
    const std::string good = persons.path("good"), reference = "--reference " + truth;
    refused(reference, "needs --candidate");
    refused("--candidate " + good, "needs --reference");
    refused(one + " --match", "needs --reference");
    refused(reference + " --candidate " + good + " " + one, "inputs are for the degradation");
    refused(reference + " --candidate " + good + " --method bicubic", "--method is for degrading");
    refused(reference + " --candidate " + good + " --device cpu", "--device is for degrading");
    refused(reference + " --candidate " + good + " --thickness 3", "--thickness needs --scale");
    refused(reference + " --candidate a=" + good + " --candidate a=" + truth,
            "--candidate a: is given twice");
    refused(reference + " --candidate " + good + "/sub-1_T1w.nii", "expected a folder");
    refused("--reference " + one + " --candidate " + good, "expected an image");
    refused(reference + " --candidate =" + good, "expected NAME=PATH");
    refused(reference + " --candidate " + persons.path("nowhere"), "nowhere: no such file");
    refused(reference + " --candidate " + good + " --preset low-field", "no linear model");
    refused("--reference " + one + " --candidate " + good + "/sub-2_T1w.nii", "has 26×28×26 voxels");
    imaging::Volume moved = imaging::read_nifti(one);
    moved.header = nullptr;
    moved.voxel_size_mm[0] *= 1.1;
    imaging::write_nifti(persons.path("moved.nii"), moved);
    refused("--reference " + one + " --candidate " + persons.path("moved.nii"), "mm away from the grid of");
    std::filesystem::remove(good + "/sub-3_T1w.nii");
    refused(reference + " --candidate " + good, "holds no image named as");
    std::filesystem::copy(one, truth + "/sub-1_run2.nii.gz");
    refused(reference + " --candidate " + good, "another image of person sub-1");
}
