// upscale with a folder: what is skipped, which part is taken, and that no file is written over another one.
#include <nlohmann/json.hpp>

#include "imaging/nifti.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using testing::bytes_of;
using testing::run_tool;
namespace fs = std::filesystem;

namespace {

const std::string method = " --method bicubic --scale 2";

struct Fixture {
    testing::TemporaryFolder folder;
    fs::path in = folder / "in", out = folder / "out";
    explicit Fixture(int images) {
        fs::create_directories(in);
        for (int i = 0; i < images; ++i) write(i, i);
    }
    fs::path input(int i) const { return in / ("scan" + std::to_string(i) + ".nii"); }
    fs::path result(int i) const { return out / ("scan" + std::to_string(i) + ".nii"); }
    fs::path record(int i) const { return out / ("scan" + std::to_string(i) + ".json"); }
    void write(int i, int content) const {
        imaging::Volume volume = testing::synthetic_head(16, 20, 4);
        volume.voxels[0] = 100.0f + static_cast<float>(content);
        imaging::write_nifti(input(i), volume);
    }
    testing::ToolResult run(const std::string& options) const {
        return run_tool("upscale " + in.string() + " " + out.string() + method + options);
    }
};

}  // namespace

TEST_CASE("upscale --skip-existing leaves finished results, and makes the others") {
    const Fixture fixture(3);
    REQUIRE(fixture.run("").status == 0);
    const std::string first = bytes_of(fixture.result(0));
    const auto time = fs::last_write_time(fixture.result(0));
    // A run that is killed while it writes leaves a record without the digest of the output.
    auto record = nlohmann::json::parse(bytes_of(fixture.record(1)));
    record["output_sha256"] = nullptr;
    std::ofstream(fixture.record(1)) << record;
    std::ofstream(fixture.result(1)) << "half";
    fs::remove(fixture.result(2));
    const auto again = fixture.run(" --skip-existing");
    INFO(again.output);
    REQUIRE(again.status == 0);
    CHECK(again.says("1 of 3 results exist and are skipped"));
    CHECK((bytes_of(fixture.result(0)) == first && fs::last_write_time(fixture.result(0)) == time));
    CHECK(imaging::read_nifti(fixture.result(1)).size == std::array{32, 40, 4});
    CHECK(fs::exists(fixture.result(2)));
    // Hidden files that a killed process left, which the next one could not remove yet.
    const fs::path leftover = fixture.out / ".scan0.nii.abc123.part",
                   of_record = fixture.out / ".scan0.json.abc123.part", foreign = fixture.out / ".scan0.part";
    for (const fs::path& file : {leftover, of_record, foreign}) std::ofstream(file) << "half";
    CHECK(fixture.run(" --skip-existing").says("3 of 3 results exist and are skipped"));
    CHECK_FALSE((fs::exists(leftover) || fs::exists(of_record)));
    CHECK(fs::exists(foreign));

    // Results of other images are neither skipped nor replaced.
    fixture.write(0, 7);
    const auto other = fixture.run(" --skip-existing");
    CHECK(other.status == 1);
    CHECK(other.says("scan0.json: already exists"));
    CHECK(bytes_of(fixture.result(0)) == first);
}

TEST_CASE("a folder job that is killed again and again ends with the files of an undisturbed run") {
    const Fixture fixture(12);
    REQUIRE(fixture.run("").status == 0);
    const fs::path undisturbed = fixture.folder / "undisturbed";
    fs::rename(fixture.out, undisturbed);
    const std::string command =
        "upscale " + fixture.in.string() + " " + fixture.out.string() + method + " --skip-existing";
    int kills = 0;
    for (int i = 0; i < 40; ++i) {
        const int status = run_tool(command, "timeout -s KILL 0.0" + std::to_string(10 + 2 * i)).status;
        kills += status == 137 || status == 124;  // timeout of GNU and of uutils
    }
    CHECK(kills > 0);
    const auto last = run_tool(command);
    INFO(last.output);
    REQUIRE(last.status == 0);
    for (int i = 0; i < 12; ++i) {
        const std::string name = "scan" + std::to_string(i);
        CHECK(bytes_of(fixture.out / (name + ".nii")) == bytes_of(undisturbed / (name + ".nii")));
        CHECK(bytes_of(fixture.out / (name + ".json")).find("\"output_sha256\": \"") != std::string::npos);
    }
    for (const auto& entry : fs::directory_iterator(fixture.out))
        CHECK(entry.path().filename().string().front() != '.');
}

TEST_CASE("upscale --shard divides a folder into parts that share no image") {
    const Fixture fixture(5);
    std::vector<int> made(5, 0);
    for (int part = 1; part <= 3; ++part) {
        const auto run = fixture.run(" --shard " + std::to_string(part) + "/3");
        INFO(run.output);
        REQUIRE(run.status == 0);  // an existing result would be refused
        for (int i = 0; i < 5; ++i) made[static_cast<std::size_t>(i)] += run.says(fixture.result(i).string());
    }
    CHECK(made == std::vector{1, 1, 1, 1, 1});
    for (const char* wrong : {"0/3", "4/3", "1/0", "2", "1/2/3", "-1/3"})
        CHECK(fixture.run(std::string(" --shard ") + wrong).says("--shard"));
    CHECK(run_tool("upscale " + fixture.input(0).string() + " " + fixture.out.string() + ".nii" + method +
                   " --shard 1/2")
              .says("is one image"));
}

TEST_CASE("no program writes over its input or over another output") {
    const Fixture fixture(2);
    const std::string a = fixture.input(0).string(), before = bytes_of(fixture.input(0));
    const auto in = fixture.in.string(), o = (fixture.folder / "o").string();
    const auto refused = [&](const std::string& command) {
        const auto run = run_tool(command);
        INFO(command << '\n' << run.output);
        CHECK(run.status == 1);
        CHECK(run.says("is both "));
        CHECK(bytes_of(fixture.input(0)) == before);
    };
    refused("upscale " + in + " " + in + "/." + method + " --force");
    refused("upscale " + a + " " + a + method + " --force");
    refused("upscale " + a + " " + in + "/../in/scan0.nii" + method + " --force");
    refused("upscale " + a + " " + o + ".nii" + method + " --report " + o + ".json");
    refused("upscale " + a + " " + o + ".nii" + method + " --consistency " + o + ".nii");
    refused("simulate " + a + " " + a + " --force");
    refused("evaluate " + a + " --scale 2 --json " + a + " --force");
    refused("evaluate " + a + " --scale 2 --json " + o + " --csv " + o);
    const std::string b = fixture.input(1).string();
    refused("evaluate --reference " + b + " --candidate name=" + a + " --json " + a + " --force");
    refused("evaluate --reference " + a + " --candidate " + b + " --csv " + a + " --force");
    refused("evaluate --pairs " + b + " " + a + " --json " + a + " --force");
    std::ofstream(fixture.in / "scan0.json") << R"({"EchoTime": 0.1})";
    // The record of a result in another format would replace the sidecar of the input.
    refused("upscale " + a + " " + in + "/scan0.mgz" + method + " --force");
}

TEST_CASE("images whose results would share a record are refused") {
    const Fixture fixture(1);
    fs::copy_file(fixture.input(0), fixture.in / "scan0.nii.gz");
    const auto run = fixture.run("");
    CHECK(run.status == 1);
    CHECK(run.says("their results would share the record"));
}

TEST_CASE("upscale --bids in the folder of the input does not enlarge its results") {
    const Fixture fixture(1);
    const auto once = [&] {
        return run_tool("upscale " + fixture.in.string() + " " + fixture.in.string() + method +
                        " --bids --skip-existing");
    };
    REQUIRE(once().status == 0);
    CHECK(once().says("1 of 1 results exist and are skipped"));
}
