// For invalid input a tool prints one sentence with file and reason, exits with a status other than 0, and
// overwrites nothing.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/device/runtime.hpp"
#include "engine/safetensors.hpp"
#include "imaging/picture.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using testing::bytes_of;
using testing::run_tool;
using testing::trained;
namespace fs = std::filesystem;

namespace {

/// upscale with the trained weights must fail, print `culprit` and `reason` in one line, and write nothing.
void require_refusal(const fs::path& input, const std::string& reason, const std::string& more = "",
                     const std::string& before = "") {
    testing::TemporaryFolder folder;
    const bool picture = imaging::is_picture_path(input);
    const fs::path output = folder / (picture ? "out.png" : "out.nii.gz");
    const auto result = run_tool("upscale " + input.string() + " " + output.string() + " --weights " +
                                     trained().weights.string() + " " + more,
                                 before);
    INFO(result.output);
    REQUIRE(result.status == 1);
    REQUIRE(result.says(reason));
    REQUIRE(std::count(result.output.begin(), result.output.end(), '\n') == 1);
    REQUIRE(fs::is_empty(folder.path()));
}

void write_bytes(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

/// The bytes of a NIfTI file of a small head, which tests modify.
std::string plain_nifti() {
    testing::TemporaryFolder folder;
    imaging::write_nifti(folder / "v.nii", testing::synthetic_head(12, 14, 8));
    return bytes_of(folder / "v.nii");
}

template <class T>
void put(std::string& bytes, std::size_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

}  // namespace

TEST_CASE("damaged, foreign and degenerate volumes are refused") {
    testing::TemporaryFolder folder;
    const fs::path path = folder / "v.nii";
    const std::string good = plain_nifti();
    const std::size_t first_voxel = 352;

    require_refusal(folder / "absent.nii", "absent.nii");
    write_bytes(path, good.substr(0, good.size() / 2));
    require_refusal(path, "truncated");
    write_bytes(path, "P5 2 2 255\n....");
    require_refusal(path, path.string());
    std::string bytes = good;
    put<float>(bytes, first_voxel + 400, std::numeric_limits<float>::quiet_NaN());
    write_bytes(path, bytes);
    require_refusal(path, "NaN");
    bytes = good;
    std::fill(bytes.begin() + first_voxel, bytes.end(), '\0');
    write_bytes(path, bytes);
    require_refusal(path, path.string());
    bytes = good;
    put<std::int16_t>(bytes, 40, 4);  // dim[0]
    put<std::int16_t>(bytes, 46, 4);  // dim[3]
    put<std::int16_t>(bytes, 48, 2);  // dim[4]: the same voxels as two volumes
    write_bytes(path, bytes);
    require_refusal(path, "there is no volume 7", "--volume 7");
    bytes = good;
    put<std::int16_t>(bytes, 44, 1);  // a line
    put<std::int16_t>(bytes, 46, 1);
    write_bytes(path, bytes);
    require_refusal(path, "a line of 12×1×1 voxels");
    bytes = good;
    put<std::int16_t>(bytes, 68, 1002);  // intent: label
    write_bytes(path, bytes);
    require_refusal(path, "label");
    require_refusal(trained().weights, "unsupported extension");
    for (const char* name : {"a.hdr", "a.IMG"}) {
        write_bytes(folder / name, good);
        require_refusal(folder / name, "use one .nii file");
    }
}

TEST_CASE("wrong weights, scale, names and existing output are refused") {
    testing::TemporaryFolder folder;
    const fs::path volume = folder / "v.nii.gz";
    imaging::write_nifti(volume, testing::synthetic_head(20, 22, 4));
    const fs::path output = folder / "out.nii.gz";
    auto upscale = [&](const std::string& weights, const std::string& more = "") {
        return run_tool("upscale " + volume.string() + " " + output.string() + " --weights " + weights + " " +
                        more);
    };
    REQUIRE(upscale((folder / "absent.safetensors").string()).says("absent.safetensors"));
    write_bytes(folder / "junk.safetensors", "no weights at all, but long enough to have a header");
    REQUIRE(upscale((folder / "junk.safetensors").string()).says("safetensors"));
    TensorFile file = read_safetensors(trained().weights);
    file.tensors["model.extra"] = Tensor::zeros({3}, DType::float32);
    write_safetensors(folder / "unknown.safetensors", file);
    const auto unknown = upscale((folder / "unknown.safetensors").string());
    REQUIRE(unknown.status == 1);
    REQUIRE(unknown.says("unknown tensor 'model.extra'"));
    const auto scale = upscale(trained().weights.string(), "--scale 3");
    REQUIRE(scale.status == 1);
    REQUIRE(scale.says("trained for scale 2, not 3"));
    REQUIRE_FALSE(fs::exists(output));

    REQUIRE(upscale(trained().weights.string()).status == 0);
    const std::string before = bytes_of(output);
    const auto again = upscale(trained().weights.string());
    REQUIRE(again.status == 1);
    REQUIRE(again.says("--force"));
    REQUIRE(bytes_of(output) == before);
    REQUIRE(upscale(trained().weights.string(), "--force").status == 0);
    REQUIRE(run_tool("upscale " + volume.string() + " " + (folder / "out.png").string() + " --weights " +
                     trained().weights.string())
                .status == 1);
}

TEST_CASE("a name with control characters neither ends the sentence nor reaches the terminal") {
    testing::TemporaryFolder folder;
    const fs::path path = folder / "a\nb\x1b[31m.nii";
    write_bytes(path, "short");
    require_refusal("'" + path.string() + "'", "a\\x0ab\\x1b[31m.nii: not a NIfTI file");
}

TEST_CASE("constant and broken pictures are refused") {
    testing::TemporaryFolder folder;
    const fs::path path = folder / "p.png";
    imaging::Image ramp(16, 16);
    for (int i = 0; i < 256; ++i) ramp.pixels[static_cast<std::size_t>(i)] = static_cast<float>(i);
    imaging::write_picture(path, {ramp, 8});
    const std::string good = bytes_of(path);
    write_bytes(path, good.substr(0, good.size() - 20));
    require_refusal(path, path.string());
    imaging::write_picture(path, {imaging::Image(16, 16, 7.0f), 8});
    require_refusal(path, path.string());
}

TEST_CASE("an absent CUDA device is an error of one sentence, without fallback") {
    testing::TemporaryFolder folder;
    const std::string device = simt::device_count() == 0 ? "cuda" : "cuda:99";
    const std::string why = simt::device_count() == 0 ? simt::unavailable_reason() : "only";
    const std::string volume = trained().volume.string(),
                      weights = " --weights " + trained().weights.string();
    for (const std::string& command :
         {"upscale " + volume + " " + (folder / "x.nii").string() + weights, "evaluate " + volume + weights,
          "train_dnsp " + volume + " --out " + (folder / "run").string()}) {
        const auto result = run_tool(command + " --device " + device);
        INFO(result.output);
        REQUIRE(result.status == 1);
        REQUIRE(result.says(device + " was asked for"));
        REQUIRE(result.says(why));
        REQUIRE(std::count(result.output.begin(), result.output.end(), '\n') == 1);
        REQUIRE(fs::is_empty(folder.path()));
    }
}

TEST_CASE("options of CUDA devices are refused on the CPU device") {
    testing::TemporaryFolder folder;
    for (const char* option : {" --precision tf32", " --conv cudnn", " --conv ours"}) {
        const auto result = run_tool("train_dnsp " + trained().volume.string() + " --out " +
                                     (folder / "run").string() + " --device cpu" + option);
        INFO(result.output);
        REQUIRE(result.status == 1);
        REQUIRE(result.says("is for CUDA devices"));
    }
}

TEST_CASE("training refuses unknown names, empty folders and unreadable input") {
    testing::TemporaryFolder folder;
    const std::string volume = trained().volume.string(), out = " --out " + (folder / "run").string();
    auto says = [&](const std::string& command, const std::string& text) {
        const auto result = run_tool(command);
        INFO(result.output);
        REQUIRE(result.status != 0);
        REQUIRE(result.says(text));
    };
    says("train_dnsp" + out, "no volume");
    says("train_dnsp " + volume + " --model vgg" + out, "edsr, lfmri, srcnn");
    says("train_dnsp " + volume + " --prior XX" + out, "LR");
    says("train_dnsp " + volume + " --preset bluish" + out, "gaussian");
    says("train_dnsp " + volume + " --scale 5" + out, "scale");
    says("train_dnsp " + volume + " --term no_such=1" + out, "low_rank");
    says("train_dnsp " + volume + " --validation " + volume + out, "both sides");
    fs::create_directories(folder / "empty");
    says("train_dnsp " + (folder / "empty").string() + out, "holds no volume (.mgh, ");
    says("train_dnsp --resume" + out, "checkpoint.safetensors");
    REQUIRE_FALSE(fs::exists(folder / "run/weights.safetensors"));
}

TEST_CASE("options without effect are refused") {
    testing::TemporaryFolder folder;
    const std::string volume = trained().volume.string(), weights = trained().weights.string(),
                      out = " --out " + (folder / "run").string();
    const auto refused = [&](const std::string& command, const std::string& option) {
        const auto result = run_tool(command);
        INFO(command << '\n' << result.output);
        CHECK(result.status != 0);
        CHECK(result.says(option));
    };
    const std::string train = "train_dnsp " + volume + out;
    refused(train + " --model srcnn --unshuffle 2", "--unshuffle has no effect with --model srcnn");
    refused(train + " --model dcsrn --residual-scale 1", "--residual-scale has no effect with --model dcsrn");
    refused(train + " --prior NP --alpha 1e-5", "--alpha has no effect with --prior NP");
    refused(train + " --prior LR --tau 1", "--tau has no effect with --prior LR");
    refused(train + " --prior LR --filters 4", "--filters has no effect with --prior LR");
    refused(train + " --preset low-field --scale 2", "--scale 2 has no effect");
    refused(train + " --direction through-plane --thickness 3 --scale 2", "--scale 2 has no effect");
    refused(train + " --alpha nan", "--alpha");
    refused(train + " --seed -1", "--seed");
    refused("evaluate " + volume + " --weights " + weights + " --scale 3", "--scale is 3");
    const std::string result = " " + (folder / "result.nii").string();
    refused("simulate " + volume + result + " --blur-sigma -1", "-1");
    refused("simulate " + volume + result + " --blur-sigma nan", "nan");
    refused("simulate " + volume + result + " --noise-seed -1", "--noise-seed");
    refused("upscale " + volume + result + " --voxel nan --weights " + weights, "--voxel");
    refused("upscale " + volume + result + " --method bicubic --scale 2 --tile 8", "--tile");
    refused("upscale --list-weights " + volume, "--list-weights needs no other argument");
    refused("upscale --verify x.json --weights " + weights, "--verify needs no other argument");
    CHECK_FALSE(fs::exists(folder / "result.nii"));
}

TEST_CASE("simulate --blur-sigma 0 takes pixels or means of the nearest ones, without blur") {
    testing::TemporaryFolder folder;
    const imaging::Volume high = testing::synthetic_head(12, 18, 2);
    imaging::write_nifti(folder / "high.nii", high);
    for (const int scale : {2, 3}) {
        const fs::path low_path = folder / ("low" + std::to_string(scale) + ".nii");
        REQUIRE(run_tool("simulate " + (folder / "high.nii").string() + " " + low_path.string() +
                         " --axis z --blur-sigma 0 --scale " + std::to_string(scale))
                    .status == 0);
        const imaging::Volume low = imaging::read_nifti(low_path);
        double largest = 0.0;
        for (int y = 0; y < 18 / scale; ++y)
            for (int x = 0; x < 12 / scale; ++x) {
                const auto at = [&](int i, int j) {
                    return static_cast<double>(high.voxels[static_cast<std::size_t>(j * 12 + i)]);
                };
                const int i = scale * x, j = scale * y;
                const double expected =
                    scale == 3 ? at(i + 1, j + 1)
                               : 0.25 * (at(i, j) + at(i + 1, j) + at(i, j + 1) + at(i + 1, j + 1));
                const auto index = static_cast<std::size_t>(y * (12 / scale) + x);
                largest = std::max(largest, std::abs(low.voxels[index] - expected));
            }
        CHECK(largest < 1e-3);
    }
}

TEST_CASE("a full disk leaves no partial file") {
    testing::TemporaryFolder folder;
    const fs::path input = folder / "in.nii";
    imaging::write_nifti(input, testing::synthetic_head(40, 40, 20));
    fs::create_directories(folder / "out");
    // With a limit on file size the write fails as on a full disk.
    const auto result = run_tool("upscale " + input.string() + " " + (folder / "out/v.nii").string() +
                                     " --weights " + trained().weights.string(),
                                 "ulimit -f 64;");
    INFO(result.output);
    REQUIRE(result.status == 1);
    REQUIRE(result.says("v.nii"));
    REQUIRE(fs::is_empty(folder / "out"));
}

TEST_CASE("an output that cannot be written is found before the computation") {
    testing::TemporaryFolder folder;
    const auto volume = (folder / "head.nii").string();
    imaging::write_nifti(volume, testing::synthetic_head(40, 44, 30));
    // No file can be created in /proc, by no user. A training of an hour would outlast the test.
    for (const std::string& command :
         {"upscale --self " + volume + " /proc/out.nii --minutes 60 --voxel 0.5",
          "upscale " + volume + " /proc/out.nii --weights " + testing::trained().weights.string(),
          "simulate " + volume + " /proc/out.nii", "evaluate " + volume + " --json /proc/out.json"}) {
        const auto result = run_tool(command);
        INFO(command << ": " << result.output);
        CHECK(result.status == 1);
        CHECK(result.says("/proc/out"));
        CHECK_FALSE(result.says("training on the scan"));
        CHECK_FALSE(result.says("PSNR"));
    }
}
