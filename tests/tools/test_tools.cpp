// Runs the tools as a user does.
#include <sys/wait.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/device/runtime.hpp"
#include "engine/safetensors.hpp"
#include "imaging/nifti.hpp"
#include "imaging/picture.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using testing::bytes_of;
using testing::run_tool;
using testing::trained;
using testing::with_path;
namespace fs = std::filesystem;

TEST_CASE("every tool answers --help and --version and refuses an unknown option") {
    for (const std::string tool : {"train_dnsp", "upscale", "evaluate", "simulate", "plot_training",
                                   "prior_figures", "analyse", "export_onnx"}) {
        INFO(tool);
        const auto help = run_tool(tool + " --help"), version = run_tool(tool + " --version");
        REQUIRE(help.status == 0);
        REQUIRE(help.says("--"));
        REQUIRE(version.status == 0);
        REQUIRE(version.says(DNSP_VERSION));
        REQUIRE(run_tool(tool + " --no-such-option").status == 2);
    }
}

TEST_CASE("train_dnsp writes log, checkpoint and weights, and no progress bar without a terminal") {
    const fs::path run = trained().weights.parent_path();
    REQUIRE(fs::exists(trained().weights));
    REQUIRE(fs::exists(run / "checkpoint.safetensors"));
    REQUIRE(fs::exists(run / "log.jsonl"));
    const auto again = run_tool("train_dnsp " + trained().volume.string() + " --out " + run.string());
    REQUIRE(again.status == 1);
    REQUIRE(again.says("--resume continues it"));
    const auto resumed = run_tool("train_dnsp --resume --out " + run.string());
    REQUIRE(resumed.status == 0);
    REQUIRE_FALSE(resumed.says("█"));
    const auto changed = run_tool("train_dnsp --resume --lr 0.5 --out " + run.string());
    REQUIRE(changed.status == 1);
    REQUIRE(changed.says("learning_rate"));
}

TEST_CASE("a run resumes from a checkpoint of 0.1.0, and upscale reads weights of 0.1.0") {
    testing::TemporaryFolder folder;
    imaging::write_nifti(folder / "head.nii.gz", testing::synthetic_head(56, 64, 60));
    fs::create_directories(folder / "run");
    const fs::path fixtures = testing::fixtures_folder() / "training";
    fs::copy_file(fixtures / "checkpoint.safetensors", folder / "run/checkpoint.safetensors");
    const std::string inside = "cd '" + folder.path().string() + "' &&";
    const auto resumed = run_tool("train_dnsp --resume run/checkpoint.safetensors --epochs 2", inside);
    INFO(resumed.output);
    REQUIRE(resumed.status == 0);
    REQUIRE(resumed.says("epoch 2/2  step 3"));
    REQUIRE(fs::exists(folder / "run/weights.safetensors"));
    const auto changed = run_tool("train_dnsp --resume --filters 3 --out run", inside);
    REQUIRE(changed.status == 1);
    REQUIRE(changed.says("was trained with prior.filters = 2, not 3"));

    const auto upscaled = run_tool(
        "upscale head.nii.gz high.nii.gz --weights '" + (fixtures / "weights.safetensors").string() + "'",
        inside);
    INFO(upscaled.output);
    REQUIRE(upscaled.status == 0);
    REQUIRE(imaging::read_nifti(folder / "high.nii.gz").size == std::array<int, 3>{112, 128, 60});
}

TEST_CASE("an unknown setting in a checkpoint of a later version is refused by name") {
    testing::TemporaryFolder folder;
    TensorFile file = read_safetensors(testing::fixtures_folder() / "training/checkpoint.safetensors");
    auto settings = nlohmann::json::parse(file.metadata.at("dnsp.settings"));
    settings["prior"]["patience"] = 1;
    file.metadata["dnsp.settings"] = settings.dump();
    file.metadata["dnsp.version"] = "9.8";
    write_safetensors(folder / "checkpoint.safetensors", file);
    const auto result = run_tool("train_dnsp --resume " + (folder / "checkpoint.safetensors").string());
    INFO(result.output);
    REQUIRE(result.status == 1);
    REQUIRE(result.says("unknown setting 'prior.patience'"));
    REQUIRE(result.says("9.8"));
    REQUIRE(result.says(DNSP_VERSION));
}

TEST_CASE("a run records how it computes convolutions and cannot be resumed in another precision") {
    TensorFile file = read_safetensors(trained().weights.parent_path() / "checkpoint.safetensors");
    auto settings = nlohmann::json::parse(file.metadata.at("dnsp.settings"));
    REQUIRE(settings["precision"] == "float32");
    REQUIRE(settings["convolution"] == "native");
    settings["precision"] = "tf32";
    file.metadata["dnsp.settings"] = settings.dump();
    testing::TemporaryFolder folder;
    write_safetensors(folder / "checkpoint.safetensors", file);
    const auto result =
        run_tool("train_dnsp --device cpu --resume " + (folder / "checkpoint.safetensors").string());
    INFO(result.output);
    REQUIRE(result.status == 1);
    REQUIRE(result.says("was trained with precision = \"tf32\", not \"float32\""));
}

TEST_CASE("a run killed at any time resumes bitwise identically to an uninterrupted run") {
    testing::TemporaryFolder folder;
    const std::string command =
        "train_dnsp " + trained().volume.string() +
        " --prior AP --epochs 40 --patch 16 --batch 8 --slice-step 4 --model edsr --depth 1 --width 8";
    REQUIRE(run_tool(command + " --out " + (folder / "whole").string()).status == 0);
    const std::string out = (folder / "killed").string();
    // The run is killed in the middle of an epoch, after the first checkpoint.
    const std::string script =
        "sh -c '" + with_path(command) + " --out " + out + " >/dev/null 2>&1 & p=$!; while [ ! -f " + out +
        "/checkpoint.safetensors ]; do sleep 0.01; done; sleep 0.05; kill -9 $p; wait $p'";
    REQUIRE(WEXITSTATUS(std::system(script.c_str())) == 128 + SIGKILL);
    REQUIRE(fs::exists(folder / "killed/checkpoint.safetensors"));
    REQUIRE_FALSE(fs::exists(folder / "killed/weights.safetensors"));  // the run was killed before its end
    REQUIRE(run_tool("train_dnsp --resume --out " + out).status == 0);
    REQUIRE(bytes_of(folder / "killed/weights.safetensors") ==
            bytes_of(folder / "whole/weights.safetensors"));
}

TEST_CASE("simulate followed by upscale restores the grid of the original") {
    testing::TemporaryFolder folder;
    const fs::path low = folder / "low.nii.gz", high = folder / "high.nii.gz";
    REQUIRE(run_tool("simulate " + trained().volume.string() + " " + low.string()).status == 0);
    const auto sidecar = nlohmann::json::parse(bytes_of(folder / "low.json"));
    REQUIRE(sidecar["degradation"]["preset"] == "gaussian");
    REQUIRE(sidecar["size"] == nlohmann::json({28, 32, 60}));
    const auto upscaled = run_tool("upscale " + low.string() + " " + high.string() + " --weights " +
                                   trained().weights.string());
    INFO(upscaled.output);
    REQUIRE(upscaled.status == 0);
    const imaging::Volume a = imaging::read_nifti(trained().volume), b = imaging::read_nifti(high);
    REQUIRE(a.size == b.size);
    for (int axis = 0; axis < 3; ++axis)
        REQUIRE(std::abs(a.voxel_size_mm[axis] - b.voxel_size_mm[axis]) < 1e-5);

    const fs::path tiled = folder / "tiled.nii.gz";
    REQUIRE(run_tool("upscale " + low.string() + " " + tiled.string() + " --tile 20 --weights " +
                     trained().weights.string())
                .status == 0);
    REQUIRE(imaging::read_nifti(tiled).voxels == b.voxels);

    const fs::path batched = folder / "batched.nii";
    REQUIRE(run_tool("upscale " + low.string() + " " + batched.string() + " --batch 7 --weights " +
                     trained().weights.string())
                .status == 0);
    REQUIRE(imaging::read_nifti(batched).voxels == b.voxels);
}

TEST_CASE("upscale processes a folder and continues after a bad file") {
    testing::TemporaryFolder folder;
    fs::create_directories(folder / "in");
    REQUIRE(
        run_tool("simulate " + trained().volume.string() + " " + (folder / "in/good.nii").string()).status ==
        0);
    std::ofstream(folder / "in/bad.nii") << "this is no volume";
    for (const char* name : {"in/another.nii", "in/last.nii"})
        fs::copy_file(folder / "in/good.nii", folder / name);
    const auto result = run_tool("upscale " + (folder / "in").string() + " " + (folder / "out").string() +
                                 " --weights " + trained().weights.string());
    REQUIRE(result.status == 1);
    REQUIRE(result.says("bad.nii"));
    REQUIRE(result.says("1 of 4 files failed"));
    REQUIRE_FALSE(fs::exists(folder / "out/bad.nii"));
    const fs::path single = folder / "single.nii";
    REQUIRE(run_tool("upscale " + (folder / "in/good.nii").string() + " " + single.string() + " --weights " +
                     trained().weights.string())
                .status == 0);
    for (const char* name : {"out/another.nii", "out/good.nii", "out/last.nii"})
        REQUIRE(imaging::read_nifti(folder / name).voxels == imaging::read_nifti(single).voxels);
}

TEST_CASE("upscale --method enlarges by a classical method, which needs a scale") {
    testing::TemporaryFolder folder;
    const auto low = folder / "low.nii.gz", high = folder / "high.nii.gz";
    REQUIRE(run_tool("simulate " + trained().volume.string() + " " + low.string()).status == 0);
    const std::string command = "upscale " + low.string() + " " + high.string() + " --method back-projection";
    const auto result = run_tool(command + " --scale 2");
    INFO(result.output);
    REQUIRE(result.status == 0);
    const auto restored = imaging::read_nifti(high), original = imaging::read_nifti(trained().volume);
    REQUIRE(restored.size == original.size);
    const auto refused = [&](const std::string& arguments, const std::string& reason) {
        const auto failed = run_tool(command + " --force " + arguments);
        INFO(failed.output);
        REQUIRE(failed.status != 0);
        REQUIRE(failed.says(reason));
    };
    refused("", "--scale");
    refused("--scale 2 --weights " + trained().weights.string(), "method");
    refused("--scale 5", "scale 5");
}

TEST_CASE("evaluate and plot_training draw PNG files with gnuplot") {
    if (std::system("command -v gnuplot >/dev/null 2>&1") != 0) DNSP_SKIP("gnuplot is not installed");
    testing::TemporaryFolder folder;
    const auto evaluated = run_tool("evaluate " + trained().volume.string() + " --held-out --weights " +
                                    trained().weights.string() + " --figure " + (folder / "c.png").string());
    INFO(evaluated.output);
    REQUIRE(evaluated.status == 0);
    const auto plotted =
        run_tool("plot_training " + (trained().weights.parent_path() / "log.jsonl").string() + " " +
                 (folder / "curves.png").string());
    INFO(plotted.output);
    REQUIRE(plotted.status == 0);
    for (const char* name : {"c.png", "curves.png"}) REQUIRE(bytes_of(folder / name).substr(1, 3) == "PNG");
}

TEST_CASE("a panel of evaluate's figure is enlarged to at most 512 pixels, and never reduced") {
    if (std::system("command -v gnuplot >/dev/null 2>&1") != 0) DNSP_SKIP("gnuplot is not installed");
    testing::TemporaryFolder folder;
    const fs::path png = folder / "figure.png";
    const auto width_of_figure = [&](int height, int width) {
        imaging::Image image(height, width);
        for (int y = 0; y < height; ++y)
            for (int x = 0; x < width; ++x) image.at(y, x) = static_cast<float>((x * y) % 251);
        imaging::write_picture(folder / "image.png", {.image = image});
        const auto run = run_tool("evaluate " + (folder / "image.png").string() +
                                  " --method bicubic --scale 2 --force --figure " + png.string());
        INFO(run.output);
        REQUIRE(run.status == 0);
        return imaging::read_picture(png).image.width;
    };
    // Ground truth, bicubic interpolation and its error, with margins of 10 pixels.
    REQUIRE(width_of_figure(90, 100) == 3 * (5 * 100 + 10) + 10);
    REQUIRE(width_of_figure(600, 520) == 3 * (520 + 10) + 10);
}

TEST_CASE("training and upscaling on a CUDA device agree with the CPU device") {
    if (simt::device_count() == 0) DNSP_SKIP(simt::unavailable_reason());
    testing::TemporaryFolder folder;
    const std::string volume = trained().volume.string();
    const auto run = run_tool("train_dnsp " + volume + " --out " + (folder / "run").string() +
                              " --model edsr --depth 1 --width 8 --prior AP --epochs 1 --patch 12 --batch 4 "
                              "--slice-step 12 --patches-per-slice 4 --validation-slices 1 --device cuda");
    INFO(run.output);
    REQUIRE(run.status == 0);
    REQUIRE(run.says("device: cuda:0"));
    std::vector<imaging::Volume> volumes;
    for (const char* device : {"cpu", "cuda --precision float32", "cuda --precision float32 --tile 24"}) {
        const std::string out = (folder / (std::to_string(volumes.size()) + ".nii")).string();
        const auto upscaled = run_tool(
            "upscale " + (folder / "low.nii").string() + " " + out + " --weights " +
                (folder / "run/weights.safetensors").string() + " --device " + device,
            volumes.empty()
                ? with_path("simulate ") + volume + " " + (folder / "low.nii").string() + " >/dev/null &&"
                : "");
        INFO(upscaled.output);
        REQUIRE(upscaled.status == 0);
        volumes.push_back(imaging::read_nifti(out));
    }
    double difference = 0, size = 0;
    REQUIRE(volumes[1].voxels.size() == volumes[0].voxels.size());
    for (std::size_t i = 0; i < volumes[0].voxels.size(); ++i) {
        difference += std::pow(static_cast<double>(volumes[1].voxels[i]) - volumes[0].voxels[i], 2);
        size += std::pow(static_cast<double>(volumes[0].voxels[i]), 2);
    }
    REQUIRE(size > 0);
    REQUIRE(std::sqrt(difference / size) < 1e-5);
    REQUIRE(volumes[2].voxels == volumes[1].voxels);
}

TEST_CASE("a run in bfloat16 on the CPU records that, resumes with it, and upscales") {
    testing::TemporaryFolder folder;
    const std::string out = " --device cpu --out " + (folder / "run").string(),
                      emulated = "DNSP_BFLOAT16=emulated-avx512_bf16";
    const auto run = run_tool("train_dnsp " + trained().volume.string() + out +
                                  " --model edsr --depth 1 --width 16 --prior NP --epochs 1 --patch 12 "
                                  "--batch 4 --slice-step 24 --patches-per-slice 4 --validation-slices 1 "
                                  "--precision bfloat16",
                              emulated);
    INFO(run.output);
    REQUIRE(run.status == 0);
    REQUIRE_FALSE(run.says("float32"));
    const auto settings = nlohmann::json::parse(
        read_safetensors(folder / "run/checkpoint.safetensors").metadata.at("dnsp.settings"));
    REQUIRE(settings["precision"] == "bfloat16");
    const auto changed = run_tool("train_dnsp --resume --precision float32" + out, emulated);
    INFO(changed.output);
    REQUIRE(changed.status == 1);
    REQUIRE(changed.says("was trained with precision = \"bfloat16\", not \"float32\""));
    const auto resumed = run_tool("train_dnsp --resume --epochs 2" + out, emulated);
    INFO(resumed.output);
    REQUIRE(resumed.status == 0);

    imaging::write_nifti(folder / "small.nii.gz", testing::synthetic_head(20, 24, 3));
    const auto upscaled = [&](const std::string& precision) {
        const fs::path high = folder / (precision + ".nii.gz");
        const auto result =
            run_tool("upscale " + (folder / "small.nii.gz").string() + " " + high.string() +
                         " --device cpu --weights " + (folder / "run/weights.safetensors").string() +
                         " --precision " + precision,
                     emulated);
        INFO(result.output);
        REQUIRE(result.status == 0);
        return imaging::read_nifti(high).voxels;
    };
    REQUIRE(upscaled("bfloat16") != upscaled("float32"));
}

TEST_CASE("DNSP_BFLOAT16 must name a unit that this processor has") {
    testing::TemporaryFolder folder;
    const std::string command = "upscale " + trained().volume.string() + " " +
                                (folder / "high.nii.gz").string() + " --device cpu --precision bfloat16 " +
                                "--weights " + trained().weights.string();
    const auto unknown = run_tool(command, "DNSP_BFLOAT16=tensor-cores");
    INFO(unknown.output);
    REQUIRE(unknown.status == 1);
    REQUIRE(unknown.says("DNSP_BFLOAT16 is 'tensor-cores', expected one of amx, avx512_bf16,"));
    REQUIRE_FALSE(fs::exists(folder / "high.nii.gz"));
    const auto amx = run_tool(command, "DNSP_BFLOAT16=amx");
    INFO(amx.output);
    REQUIRE((amx.status == 0 || amx.says("DNSP_BFLOAT16 is 'amx', which this processor lacks")));
}

TEST_CASE("shards that do not suit the batch or the model are refused before volumes are read") {
    testing::TemporaryFolder folder;
    const auto refused = [&](const std::string& options) {
        const auto result = run_tool("train_dnsp " + (folder / "absent.nii").string() + " --out " +
                                     (folder / "run").string() + options);
        CHECK(result.status == 1);
        CHECK_FALSE(fs::exists(folder / "run"));
        return result.output;
    };
    CHECK(refused(" --shards 3").find("--shards 3: expected a power of two") != std::string::npos);
    CHECK(refused(" --shards 8 --batch 12").find("--shards 8 does not divide --batch 12") !=
          std::string::npos);
    CHECK(refused(" --shards 2 --model dcsrn").find("batch normalisation") != std::string::npos);
}

TEST_CASE("a build without MPI refuses to be one of several processes") {
    if (DNSP_HAS_MPI) DNSP_SKIP("this build has MPI");
    testing::TemporaryFolder folder;
    const std::string command =
        "train_dnsp " + trained().volume.string() + " --out " + (folder / "run").string();
    // Open MPI; MPICH and srun --mpi=pmi2; srun --mpi=pmix.
    for (const char* launcher :
         {"OMPI_COMM_WORLD_SIZE=2", "PMI_SIZE=2", "PMIX_RANK=0 SLURM_STEP_NUM_TASKS=2"}) {
        const auto result = run_tool(command, launcher);
        INFO(launcher << ": " << result.output);
        REQUIRE(result.status == 1);
        REQUIRE(result.says("2 processes were started together, but this build has no MPI"));
        REQUIRE_FALSE(fs::exists(folder / "run"));
    }
}

TEST_CASE("a run on a CUDA device records how it computes convolutions and resumes with that") {
    if (simt::device_count() == 0) DNSP_SKIP(simt::unavailable_reason());
    testing::TemporaryFolder folder;
    const std::string out = " --out " + (folder / "run").string();
    const auto run = run_tool("train_dnsp " + trained().volume.string() + out +
                              " --model edsr --depth 1 --width 8 --prior NP --epochs 1 --patch 12 --batch 4 "
                              "--slice-step 24 --patches-per-slice 4 --validation-slices 1 --device cuda "
                              "--precision float32 --conv ours");
    INFO(run.output);
    REQUIRE(run.status == 0);
    const auto settings = nlohmann::json::parse(
        read_safetensors(folder / "run/checkpoint.safetensors").metadata.at("dnsp.settings"));
    REQUIRE(settings["precision"] == "float32");
    REQUIRE(settings["convolution"] == "native");
    const auto changed = run_tool("train_dnsp --resume --device cuda --precision tf32" + out);
    INFO(changed.output);
    REQUIRE(changed.status == 1);
    REQUIRE(changed.says("was trained with precision = \"float32\", not \"tf32\""));
    const auto resumed = run_tool("train_dnsp --resume --device cuda --epochs 2" + out);
    INFO(resumed.output);
    REQUIRE(resumed.status == 0);
}
