// Real pairs from training to enlargement: train_dnsp --pairs, evaluate --pairs, upscale.
#include <nlohmann/json.hpp>
#include <sstream>

#include "imaging/geometry.hpp"
#include "imaging/picture.hpp"
#include "inference/weights_file.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using testing::bytes_of;
using testing::run_tool;
namespace fs = std::filesystem;

namespace {

/// Three persons with two pictures each; the low pictures are blurred, on another scale, and have 8 bits.
struct Pairs {
    testing::TemporaryFolder folder;
    std::string low, high, both;
    Pairs()
        : low((folder / "low").string()),
          high((folder / "high").string()),
          both(" --pairs " + low + " " + high) {
        fs::create_directories(low);
        fs::create_directories(high);
        for (int person = 1; person <= 3; ++person) {
            const imaging::Volume head =
                testing::synthetic_head(48, 44, 20, static_cast<std::uint64_t>(person));
            for (int slice = 0; slice < 2; ++slice) {
                const imaging::Image target = imaging::extract_slice(head, 2, 9 + 2 * slice);
                imaging::Image input = target;
                for (int y = 1; y + 1 < target.height; ++y)
                    for (int x = 1; x + 1 < target.width; ++x)
                        input.at(y, x) = 10 + 0.06f * (target.at(y - 1, x) + target.at(y + 1, x) +
                                                       target.at(y, x - 1) + target.at(y, x + 1));
                const std::string name =
                    "person" + std::to_string(person) + "_T1_" + std::to_string(slice) + ".png";
                imaging::write_picture(fs::path(low) / name, {input, 8});
                imaging::write_picture(fs::path(high) / name, {target, 16});
            }
        }
    }
    std::string path(const std::string& name) const { return (folder / name).string(); }
};

std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
}

}  // namespace

TEST_CASE("a network is trained, evaluated and applied on pairs without a change of grid") {
    const Pairs pairs;
    const std::string weights = pairs.path("run/weights.safetensors");
    const auto training =
        run_tool("train_dnsp" + pairs.both + " --out " + pairs.path("run") +
                 " --prior NP --epochs 4 --patch 16 --batch 8 --lr 2e-3 --model edsr --depth 1 --width 16");
    INFO(training.output);
    REQUIRE(training.status == 0);
    CHECK(training.says("split by subject: 2 train, 1 held out"));
    CHECK(training.says("the input on the held-out slices"));
    WeightsFile file(weights);
    CHECK(file.settings().at("scale") == 1);
    CHECK(file.settings().at("preset") == "pairs");
    CHECK(file.settings().at("pairs") == std::vector<std::string>{"low", "high"});
    CHECK(file.metadata("dnsp.normalisation") == pair_normalisation_text);
    CHECK(file.held_out().size() == 2);

    const auto evaluation = run_tool("evaluate" + pairs.both + " --weights " + weights + " --csv " +
                                     pairs.path("e.csv") + " --json " + pairs.path("e.json"));
    INFO(evaluation.output);
    REQUIRE(evaluation.status == 0);
    const auto rows = lines(bytes_of(pairs.path("e.csv")));
    REQUIRE(rows.size() == 1 + 3 * 2 * 2);
    CHECK(rows[0] ==
          "dataset,subject,slice,method,scale,regime,seed,psnr_db,ssim,psnr_db_matched,ssim_matched");
    CHECK(rows[1].starts_with("high,person1,0,input,1,"));
    CHECK(rows[3].starts_with("high,person1,1,input,1,"));
    const auto json = nlohmann::json::parse(bytes_of(pairs.path("e.json")));
    CHECK(json.at("convention").at("unit") == "person");
    const auto &input = json.at("methods")[0], &network = json.at("methods")[1];
    CHECK(network.at("n") == 3);
    CHECK(network.at("psnr_db_mean").get<double>() > input.at("psnr_db_mean").get<double>());
    for (const auto& method : {input, network})
        CHECK(method.at("psnr_db_matched_mean").get<double>() >= method.at("psnr_db_mean").get<double>());
    CHECK(run_tool("evaluate" + pairs.both + " --held-out --weights " + weights).status !=
          0);  // other files train
    CHECK(run_tool("evaluate " + pairs.high + "/person1_T1_0.png --weights " + weights)
              .says("--pairs LOW HIGH"));

    const auto upscaled = run_tool("upscale " + pairs.low + "/person1_T1_0.png " + pairs.path("out.png") +
                                   " --weights " + weights);
    INFO(upscaled.output);
    REQUIRE(upscaled.status == 0);
    const imaging::Picture out = imaging::read_picture(pairs.path("out.png"));
    CHECK((out.image.width == 48 && out.image.height == 44 && out.bits == 8));
    // A volume keeps its grid.
    const imaging::Volume head = testing::synthetic_head(40, 42, 6);
    imaging::write_nifti(pairs.path("v.nii.gz"), head);
    REQUIRE(
        run_tool("upscale " + pairs.path("v.nii.gz") + " " + pairs.path("w.nii.gz") + " --weights " + weights)
            .status == 0);
    const imaging::Volume enhanced = imaging::read_nifti(pairs.path("w.nii.gz"));
    CHECK(enhanced.size == head.size);
    CHECK(imaging::voxel_to_world(enhanced) ==
          imaging::voxel_to_world(imaging::read_nifti(pairs.path("v.nii.gz"))));
    CHECK(run_tool("train_dnsp --resume --out " + pairs.path("run")).status == 0);
}

TEST_CASE("the low image of a pair of equal images on another scale scores after the match") {
    testing::TemporaryFolder folder;
    const std::string low = (folder / "low.nii").string(), high = (folder / "high.nii").string();
    imaging::Volume head = testing::synthetic_head(32, 34, 16);
    imaging::write_nifti(high, head);
    for (float& x : head.voxels) x = 900 - x;  // inverted: only a match with a negative slope finds it
    imaging::write_nifti(low, head);
    const auto result =
        run_tool("evaluate --pairs " + low + " " + high + " --json " + (folder / "e.json").string());
    INFO(result.output);
    REQUIRE(result.status == 0);
    const auto method = nlohmann::json::parse(bytes_of(folder / "e.json")).at("methods")[0];
    CHECK(method.at("psnr_db_mean").get<double>() < 15);
    CHECK(method.at("psnr_db_matched_mean").get<double>() > 90);
}

TEST_CASE("contradictory options of pairs are refused") {
    const Pairs pairs;
    const auto refuses = [](const std::string& command, const std::string& reason) {
        const auto result = run_tool(command);
        INFO(command << "\n" << result.output);
        CHECK(result.status != 0);
        CHECK(result.says(reason));
    };
    const std::string train = "train_dnsp --out " + pairs.path("run"),
                      picture = pairs.high + "/person1_T1_0.png";
    refuses(train + pairs.both + " --scale 2", "--scale degrades volumes");
    refuses(train + pairs.both + " --noise 0.1", "--noise degrades volumes");
    refuses(train + " " + picture + pairs.both, "takes the place");
    refuses(train + " --pairs " + pairs.low, "two folders or files");
    refuses(train + " " + picture + " --preset pairs --scale 1", "is for --pairs");
    refuses(train + pairs.both + " --subject-of 'T1'", "one person");
    refuses(train + pairs.both + " --validation-pairs " + pairs.low + " " + pairs.high, "both sides");
    refuses("evaluate" + pairs.both + " --scale 3", "not degraded");
    refuses("evaluate " + picture + pairs.both, "expected high-resolution images, or --pairs");
    refuses("evaluate", "--pairs LOW HIGH");
    refuses("evaluate " + picture + " --subject-of x", "matches nothing");
    fs::remove(picture);
    refuses(train + pairs.both, "no partner");
    CHECK_FALSE(fs::exists(pairs.path("run/weights.safetensors")));
}
