#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/atomic_file.hpp"
#include "imaging/nifti.hpp"
#include "tests/imaging/fixtures.hpp"

using dnsp::AtomicFile;
using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

/// Limits the size of files, which makes writes fail as on a full disk.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        getrlimit(RLIMIT_FSIZE, &saved_);
        const rlimit limit{bytes, saved_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() {
        setrlimit(RLIMIT_FSIZE, &saved_);
        std::signal(SIGXFSZ, handler_);
    }

  private:
    rlimit saved_{};
    void (*handler_)(int);
};

}  // namespace

TEST_CASE("a file that is not committed leaves nothing behind") {
    const Scratch scratch;
    const auto path = scratch.file("result.txt");
    {
        AtomicFile file(path);
        file.write("half of it");
        CHECK(scratch.entries() == 1);
        CHECK(file.temporary_path().filename().string().starts_with(".result.txt."));
        CHECK_FALSE(std::filesystem::exists(path));
    }
    CHECK(scratch.entries() == 0);
}

TEST_CASE("what a killed process left is removed by the next one that writes the file") {
    const Scratch scratch;
    const auto path = scratch.file("result.txt");
    put(scratch.file(".other.txt.a1b2c3.part"), "of another file");
    const auto run = [&](bool killed) {
        const pid_t child = fork();
        if (child == 0) {
            AtomicFile file(path);
            file.write("half of it");
            if (killed) std::raise(SIGKILL);
            file.commit();
            std::_Exit(0);
        }
        int status = 0;
        REQUIRE(waitpid(child, &status, 0) == child);
        return status;
    };
    REQUIRE(WIFSIGNALED(run(true)));
    CHECK(scratch.entries() == 2);
    REQUIRE(WIFSIGNALED(run(true)));
    CHECK(scratch.entries() == 2);  // the second one removed what the first one left
    {
        AtomicFile alive(path);
        alive.write("still written");
        CHECK(scratch.entries() == 2);
        REQUIRE(run(false) == 0);
        CHECK(contents(alive.temporary_path()) == "still written");
        CHECK(contents(path) == "half of it");
    }
    CHECK(scratch.entries() == 2);
    CHECK(contents(scratch.file(".other.txt.a1b2c3.part")) == "of another file");
}

TEST_CASE("a file keeps its old contents until commit()") {
    const Scratch scratch;
    const auto path = scratch.file("result.txt");
    put(path, "old");
    {
        AtomicFile abandoned(path);
        abandoned.write("lost");
    }
    CHECK(contents(path) == "old");
    AtomicFile file(path);
    file.write("new ");
    file.write("contents");
    CHECK(contents(path) == "old");
    file.commit();
    CHECK(contents(path) == "new contents");
    CHECK(scratch.entries() == 1);
    CHECK(contains(complaint([&] { file.write("late"); }), path.string()));
    CHECK(contains(complaint([&] { file.commit(); }), path.string()));
}

TEST_CASE("another program may write the temporary file") {
    const Scratch scratch;
    const auto path = scratch.file("result.txt");
    AtomicFile file(path);
    put(file.temporary_path(), "written elsewhere");
    file.commit();
    CHECK(contents(path) == "written elsewhere");
}

TEST_CASE("a symbolic link remains a symbolic link") {
    const Scratch scratch;
    put(scratch.file("target"), "old");
    std::filesystem::create_symlink(scratch.file("target"), scratch.file("link"));
    AtomicFile file(scratch.file("link"));
    file.write("new");
    file.commit();
    CHECK(std::filesystem::is_symlink(scratch.file("link")));
    CHECK(contents(scratch.file("target")) == "new");
}

TEST_CASE("the error for an impossible destination names it") {
    const Scratch scratch;
    const auto missing = scratch.file("no such folder/file");
    CHECK(contains(complaint([&] { AtomicFile file(missing); }), missing.string() + ": "));
    const auto folder = scratch.file("folder");
    std::filesystem::create_directory(folder);
    CHECK(complaint([&] { AtomicFile file(folder); }) == folder.string() + ": is a folder, not a file");
    CHECK(contains(complaint([&] { AtomicFile file("/dev/full"); }), "/dev/full: "));
}

TEST_CASE("a full disk is an error and leaves the old file") {
    const Scratch scratch;
    const Volume volume = [] {
        Volume made;
        made.size = {40, 40, 40};
        made.voxel_size_mm = {1, 1, 1};
        unsigned state = 1;
        for (int i = 0; i < 64000; ++i)
            made.voxels.push_back(static_cast<float>((state = state * 69069u + 1u) >> 8));
        return made;
    }();
    for (const std::string name : {"volume.nii", "volume.nii.gz"}) {
        const auto path = scratch.file(name);
        put(path, "old");
        const std::string sentence = [&] {
            const FileSizeLimit limit(10000);
            return complaint([&] { write_nifti(path, volume); });
        }();
        CHECK(contains(sentence, path.string() + ": cannot be written: "));
        CHECK(contents(path) == "old");
    }
    CHECK(scratch.entries() == 2);
}
