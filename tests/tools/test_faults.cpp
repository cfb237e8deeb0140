// What programs do when standard streams, processes beside them or signals disturb them.
// scripts/inject_faults disturbs them further.
#include "base/folder_lock.hpp"
#include "imaging/nifti.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using testing::bytes_of;
using testing::run_tool;
using testing::with_path;
namespace fs = std::filesystem;

namespace {

int status_of(const std::string& command) {
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

TEST_CASE("text that cannot be written is told, and the files are whole") {
    const testing::TemporaryFolder folder;
    imaging::write_nifti(folder / "in.nii", testing::synthetic_head(16, 20, 4));
    const std::string out = (folder / "out.nii").string(), errors = (folder / "errors").string();
    const std::string command = with_path("upscale " + (folder / "in.nii").string() + " " + out +
                                          " --method bicubic --scale 2 --force");
    REQUIRE(status_of(command + " >/dev/null") == 0);
    const std::string whole = bytes_of(out);
    const auto disturbed = [&](const std::string& redirection, const std::string& reason) {
        INFO(redirection);
        fs::remove(out);
        CHECK(status_of(command + " " + redirection) == 1);
        CHECK(bytes_of(out) == whole);
        if (!reason.empty())
            CHECK(bytes_of(errors).find("upscale: standard output: cannot be written: " + reason) !=
                  std::string::npos);
    };
    disturbed(">/dev/full 2>" + errors, "No space left on device");
    disturbed("2>" + errors + " >&-", "Bad file descriptor");
    disturbed(">&- 2>&- <&-", "");  // the first file that is opened has the number 0
    fs::remove(out);
    CHECK(status_of("bash -c '" + command + " 2>" + errors + " | true; exit ${PIPESTATUS[0]}'") <= 1);
    CHECK(bytes_of(out) == whole);
}

TEST_CASE("a message that standard error does not take does not abort the program") {
    CHECK(status_of(with_path("simulate absent.nii out.nii 2>/dev/full")) == 1);
    CHECK(status_of(with_path("simulate absent.nii out.nii 2>&-")) == 1);
}

TEST_CASE("a program that a signal ends leaves no hidden file") {
    const testing::TemporaryFolder folder;
    imaging::write_nifti(folder / "in.nii", testing::synthetic_head(160, 160, 80));
    fs::create_directories(folder / "out");
    const std::string out = (folder / "out").string();
    // The hidden file appears when the program tries whether it can write, and when it writes.
    const auto ended = run_tool("simulate " + (folder / "in.nii").string() + " " + out +
                                "/low.nii.gz & p=$!; until [ -e " + out +
                                "/.low.nii.gz.*.part ] || ! kill -0 $p; do :; done; kill -TERM $p; "
                                "wait $p; exit $?");
    INFO(ended.output);
    for (const std::string& name : names_in(folder / "out")) CHECK(name.front() != '.');
}

TEST_CASE("a second training in a folder is refused") {
    const testing::TemporaryFolder folder;
    imaging::write_nifti(folder / "head.nii", testing::synthetic_head(20, 24, 30));
    fs::create_directories(folder / "run");
    const FolderLock held(folder / "run", "is held");
    for (const char* option : {"", " --force"}) {
        const auto refused = run_tool("train_dnsp " + (folder / "head.nii").string() + " --out " +
                                      (folder / "run").string() + option);
        INFO(refused.output);
        CHECK(refused.status == 1);
        CHECK(refused.says("another process trains in this folder"));
    }
    CHECK(names_in(folder / "run").empty());
}

TEST_CASE("a training into a folder that takes no files is refused before volumes are read") {
    const testing::TemporaryFolder folder;
    imaging::write_nifti(folder / "head.nii", testing::synthetic_head(20, 24, 30));
    const auto refused = run_tool("train_dnsp " + (folder / "head.nii").string() + " --out /proc/self");
    INFO(refused.output);
    CHECK(refused.status == 1);
    CHECK_FALSE(refused.says("held out"));
}
