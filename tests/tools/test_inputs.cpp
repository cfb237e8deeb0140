// Which files the programs take, which person they show, and that they are the same data after they moved.
#include <cstring>
#include <nlohmann/json.hpp>

#include "imaging/volume_file.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using testing::bytes_of;
using testing::run_tool;
using testing::trained;
namespace fs = std::filesystem;

namespace {

const std::string quick = " --prior NP --epochs 1 --patch 16 --batch 8 --slice-step 4 ";

/// A folder of small heads, each of other voxels.
struct Heads {
    testing::TemporaryFolder folder;
    explicit Heads(const std::vector<std::string>& names) {
        std::uint64_t seed = 0;
        for (const std::string& name : names) write(name, ++seed);
    }
    void write(const std::string& name, std::uint64_t seed) const {
        fs::create_directories((folder / name).parent_path());
        imaging::write_nifti(folder / name, testing::synthetic_head(40, 44, 30, seed));
    }
    std::string path(const std::string& name) const { return (folder / name).string(); }
};

}  // namespace

TEST_CASE("hidden files are skipped, upper-case names are images, and ignored files are named") {
    const Heads heads({"in/scan.nii.gz", "in/OTHER.NII"});
    std::ofstream(heads.path("in/._scan.nii.gz")) << std::string("\0\5\26\7", 4);
    std::ofstream(heads.path("in/notes.txt")) << "x";
    const std::string in = heads.path("in");
    for (const std::string& command :
         {"train_dnsp " + in + quick + "--out " + heads.path("run"), "evaluate " + in,
          "upscale " + in + " " + heads.path("out") + " --scale 2 --method bicubic"}) {
        const auto result = run_tool(command);
        INFO(command << "\n" << result.output);
        CHECK(result.status == 0);
        CHECK(result.says(in + ": 1 file is no"));
        CHECK(result.says("ignored: notes.txt"));
    }
    CHECK(fs::exists(heads.path("out/OTHER.NII")));
    CHECK(fs::exists(heads.path("out/scan.nii.gz")));
    const auto split = nlohmann::json::parse(
        bytes_of(heads.path("run/log.jsonl")).substr(0, bytes_of(heads.path("run/log.jsonl")).find('\n')));
    CHECK(split["training_files"].size() + split["held_out_files"].size() == 2);
}

TEST_CASE("all files of a person are on one side of a split, and count once in an evaluation") {
    const Heads heads({"in/sub-01_run-1_T1w.nii.gz", "in/sub-01_run-2_T1w.nii.gz",
                       "in/sub-02_run-1_T1w.nii.gz", "in/sub-02_run-2_T1w.nii.gz"});
    const auto result = run_tool("train_dnsp " + heads.path("in") + quick + "--out " + heads.path("run"));
    INFO(result.output);
    REQUIRE(result.status == 0);
    CHECK(result.says("split by subject: 1 train, 1 held out (sub-0"));
    CHECK(result.says("told apart by sub-… in the names"));
    const auto evaluation =
        run_tool("evaluate " + heads.path("in") + " --slice-step 9 --json " + heads.path("e.json"));
    INFO(evaluation.output);
    REQUIRE(evaluation.status == 0);
    const auto json = nlohmann::json::parse(bytes_of(heads.path("e.json")));
    CHECK(json["convention"]["unit"] == "person");
    CHECK(json["methods"][0]["n"] == 2);
    // The option works for volumes, in training and in evaluation.
    const auto by_run = run_tool("evaluate " + heads.path("in") +
                                 " --subject-of '(sub-.*)_T1w' --slice-step 9 --csv " + heads.path("e.csv"));
    INFO(by_run.output);
    CHECK(by_run.status == 0);
    CHECK(bytes_of(heads.path("e.csv")).find(",sub-02_run-2,") != std::string::npos);
    CHECK(run_tool("train_dnsp " + heads.path("in") + quick + "--subject-of 'sub' --out " + heads.path("r"))
              .says("all 4 files show one person, sub"));
}

TEST_CASE("a copy of a training volume under another name is not held out") {
    const Heads heads({"in/a1.nii", "in/b2.nii"});
    fs::copy_file(heads.path("in/a1.nii"), heads.path("c3.nii"));
    const auto both = run_tool("train_dnsp " + heads.path("in") + " --validation " + heads.path("c3.nii") +
                               quick + "--out " + heads.path("run"));
    INFO(both.output);
    CHECK(both.status == 1);
    CHECK(both.says("both sides"));
    CHECK(both.says("a1.nii"));
    const auto twice = run_tool("evaluate " + heads.path("in/a1.nii") + " " + heads.path("c3.nii"));
    CHECK(twice.says("a1.nii and c3.nii hold the same voxels and are one person"));
}

TEST_CASE("a run resumes after its data have moved, and other data are refused by name") {
    const Heads heads({"in/sub-01_T1w.nii", "in/sub-02_T1w.nii", "in/sub-03_T1w.nii"});
    const std::string out = " --out " + heads.path("run"),
                      options = quick + "--model edsr --depth 1 --width 8";
    REQUIRE(run_tool("train_dnsp " + heads.path("in") + options + out).status == 0);
    REQUIRE(
        run_tool("train_dnsp " + heads.path("in") +
                 " --prior NP --epochs 2 --patch 16 --batch 8 --slice-step 4 --model edsr --depth 1 --width 8"
                 " --out " +
                 heads.path("whole"))
            .status == 0);
    fs::rename(heads.path("in"), heads.path("moved"));
    fs::rename(heads.path("moved/sub-01_T1w.nii"), heads.path("moved/zzz.nii"));
    const auto resumed = run_tool("train_dnsp " + heads.path("moved") + " --resume --epochs 2" + out);
    INFO(resumed.output);
    REQUIRE(resumed.status == 0);
    CHECK(resumed.says("epoch 2/2"));
    // The recorded order counts, not that of the names: the weights are those of an uninterrupted run. Their
    // metadata differ in the names of the inputs.
    const auto tensors = [&](const std::string& run) {
        const std::string bytes = bytes_of(heads.path(run + "/weights.safetensors"));
        std::uint64_t header = 0;
        std::memcpy(&header, bytes.data(), sizeof header);
        return bytes.substr(8 + header);
    };
    CHECK(tensors("run") == tensors("whole"));

    heads.write("moved/sub-02_T1w.nii", 17);
    const auto other = run_tool("train_dnsp " + heads.path("moved") + " --resume --epochs 3" + out);
    CHECK(other.status == 1);
    CHECK(other.says("sub-02_T1w.nii: its voxels differ"));
    heads.write("moved/sub-02_T1w.nii", 2);
    heads.write("moved/sub-09_T1w.nii", 9);
    CHECK(run_tool("train_dnsp " + heads.path("moved") + " --resume --epochs 3" + out)
              .says("sub-09_T1w.nii: is not among the data"));
    fs::remove(heads.path("moved/sub-09_T1w.nii"));
    fs::remove(heads.path("moved/zzz.nii"));
    CHECK(run_tool("train_dnsp " + heads.path("moved") + " --resume --epochs 3" + out)
              .says("none of the given ones has its voxels"));
}

TEST_CASE("a run resumes from its checkpoint or its folder, and other files are refused") {
    const std::string run = trained().weights.parent_path().string();
    const auto weights = run_tool("train_dnsp --resume " + trained().weights.string());
    INFO(weights.output);
    CHECK(weights.status == 1);
    CHECK(weights.says("weights.safetensors: holds weights only; resume from " + run +
                       "/checkpoint.safetensors"));
    testing::TemporaryFolder folder;
    fs::copy_file(trained().weights, folder / "w.safetensors");
    CHECK(run_tool("train_dnsp --resume " + (folder / "w.safetensors").string()).says("--init starts"));
    CHECK(run_tool("train_dnsp --resume " + trained().volume.string()).says("head.nii.gz: "));
    CHECK(run_tool("train_dnsp --resume " + folder.path().string())
              .says("checkpoint.safetensors: no such file"));
    CHECK(run_tool("train_dnsp --resume " + run).status == 0);
}

TEST_CASE("train_dnsp takes a volume of a series, as its message advises, and records it") {
    testing::TemporaryFolder folder;
    const std::vector<imaging::Volume> volumes{testing::synthetic_head(40, 44, 40, 1),
                                               testing::synthetic_head(40, 44, 40, 2)};
    imaging::write_volumes(folder / "series.nii", volumes);
    imaging::write_nifti(folder / "second.nii", volumes[1]);
    const std::string command = "train_dnsp " + (folder / "series.nii").string() + quick;
    CHECK(run_tool(command + "--out " + (folder / "none").string()).says("choose one of 0…1 with --volume"));
    const auto result = run_tool(command + "--volume 1 --out " + (folder / "run").string());
    INFO(result.output);
    REQUIRE(result.status == 0);
    REQUIRE(run_tool("train_dnsp " + (folder / "second.nii").string() + quick + "--out " +
                     (folder / "single").string())
                .status == 0);
    const auto line = [&](const std::string& run) {
        const std::string log = bytes_of(folder / (run + "/log.jsonl"));
        return nlohmann::json::parse(log.substr(0, log.find('\n')));
    };
    CHECK(line("run")["settings"]["volume"] == 1);
    CHECK(line("run")["bicubic"] == line("single")["bicubic"]);
    CHECK(run_tool("train_dnsp --resume --volume 0 --out " + (folder / "run").string())
              .says("was trained with volume = 1, not 0"));
    CHECK(run_tool(command + "--volume 2 --out " + (folder / "none").string()).says("volumes 0…1"));
}

TEST_CASE("slices that are no two whole numbers are refused") {
    const std::string begin = "evaluate " + trained().volume.string() + " --method bicubic --slices ";
    for (const std::string slices :
         {"30", "30:", ":31", "30:30", "-1:3", "30:31x", "30x:31", "30:99999999999"}) {
        const auto result = run_tool(begin + slices);
        INFO(slices << ": " << result.output);
        CHECK(result.status == 1);
        CHECK(result.says("expected FIRST:END"));
    }
}

TEST_CASE("networks of one name are told apart in the table, and one slice has no interval") {
    testing::TemporaryFolder folder;
    fs::create_directories(folder / "b");
    fs::copy_file(trained().weights, folder / "b/weights.safetensors");
    const std::string volume = trained().volume.string(), one = trained().weights.string(),
                      two = (folder / "b/weights.safetensors").string();
    const auto result =
        run_tool("evaluate " + volume + " --slices 30:31 --weights " + one + " --weights " + two);
    INFO(result.output);
    REQUIRE(result.status == 0);
    CHECK(result.says("DNSP-srcnn-NP (run) "));
    CHECK(result.says("DNSP-srcnn-NP (b) "));
    CHECK(result.says("one slice: no interval"));
    CHECK(result.says("; 1 slice;"));
    CHECK_FALSE(result.says("nan"));
    CHECK(run_tool("evaluate " + volume + " --slices 30:31 --weights " + one + " --weights " + one)
              .says("given twice"));
    const auto compared = run_tool("evaluate --reference " + volume + " --candidate " + volume);
    INFO(compared.output);
    CHECK(compared.says("1 person, so no interval"));
    CHECK_FALSE(compared.says("±  "));
}

TEST_CASE("a start that fails leaves no folder behind") {
    const Heads heads({"in/a1.nii"});
    std::ofstream(heads.path("bad.nii")) << "no volume";
    CHECK(run_tool("train_dnsp " + heads.path("bad.nii") + quick + "--out " + heads.path("new/run")).status ==
          1);
    CHECK_FALSE(fs::exists(heads.path("new")));
    fs::create_directories(heads.path("empty"));  // was there before
    CHECK(run_tool("train_dnsp " + heads.path("bad.nii") + quick + "--out " + heads.path("empty")).status ==
          1);
    CHECK(fs::exists(heads.path("empty")));
    fs::create_directories(heads.path("broken"));
    fs::rename(heads.path("bad.nii"), heads.path("broken/bad.nii"));
    CHECK(
        run_tool("upscale " + heads.path("broken") + " " + heads.path("out") + " --scale 2 --method bicubic")
            .status == 1);
    CHECK_FALSE(fs::exists(heads.path("out")));
}

TEST_CASE("errors of the file system are sentences") {
    const Heads heads({"in/a1.nii"});
    fs::create_directories(heads.path("folder.nii"));
    for (const std::string& command :
         {"train_dnsp " + heads.path("absent.nii") + quick + "--out " + heads.path("r"),
          "train_dnsp " + heads.path("folder.nii") + quick + "--out " + heads.path("r"),
          "train_dnsp " + heads.path("in") + quick + "--out " + heads.path("in/a1.nii/run"),
          "evaluate " + heads.path("absent.nii"),
          "upscale " + heads.path("in") + " " + heads.path("in/a1.nii/out") +
              " --scale 2 --method bicubic"}) {
        const auto result = run_tool(command);
        INFO(command << "\n" << result.output);
        CHECK(result.status == 1);
        CHECK_FALSE(result.says("filesystem error"));
        CHECK(result.says(heads.folder.path().string()));
    }
}

TEST_CASE("names of files that are no UTF-8 are read, trained on and recorded") {
    const Heads heads({"one.nii", "two.nii"});
    const std::string name = heads.path("M\xfcller.nii");  // Latin-1
    fs::rename(heads.path("one.nii"), name);
    for (const std::string& command :
         {"upscale '" + name + "' " + heads.path("high.nii") + " --scale 2 --method bicubic",
          "simulate '" + name + "' " + heads.path("low.nii") + " --scale 2",
          "train_dnsp '" + name + "' " + heads.path("two.nii") + quick + "--out " + heads.path("run"),
          "evaluate '" + name + "' --weights " + heads.path("run/weights.safetensors") + " --json " +
              heads.path("scores.json")}) {
        const auto result = run_tool(command);
        INFO(command << "\n" << result.output);
        CHECK(result.status == 0);
    }
    for (const std::string file : {"high.json", "low.json", "scores.json"})
        CHECK(bytes_of(heads.path(file)).find("M\uFFFDller.nii") != std::string::npos);
}
