// Reading and writing when system calls fail or are interrupted, and ends that come early.
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <thread>

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "base/file_reader.hpp"
#include "base/folder_lock.hpp"
#include "base/temporary_folder.hpp"
#include "base/unfinished.hpp"
#include "base/warning.hpp"
#include "tests/catch.hpp"

using namespace dnsp;
namespace fs = std::filesystem;

namespace {

volatile std::sig_atomic_t alarms = 0;

/// Interrupts system calls every 2 ms.
class Alarms {
  public:
    Alarms() {
        alarms = 0;
        struct sigaction action {};
        action.sa_handler = [](int) { alarms = alarms + 1; };  // without SA_RESTART
        sigaction(SIGALRM, &action, &before_);
        const itimerval often{{0, 2000}, {0, 2000}};
        setitimer(ITIMER_REAL, &often, nullptr);
    }
    ~Alarms() {
        const itimerval never{};
        setitimer(ITIMER_REAL, &never, nullptr);
        sigaction(SIGALRM, &before_, nullptr);
    }

  private:
    struct sigaction before_ {};
};

void put(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

template <class Action>
std::string complaint(Action&& action) {
    try {
        action();
    } catch (const FileError& error) {
        return error.what();
    }
    return "no complaint";
}

std::size_t entries(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

/// Runs `body` in a child process and returns its exit status.
template <class Body>
int in_child(Body&& body) {
    const pid_t child = fork();
    if (child == 0) {
        body();
        std::_Exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

TEST_CASE("reading goes on after interruptions and after pieces") {
    const TemporaryFolder folder;
    const fs::path pipe = folder.path() / "pipe";
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    const pid_t writer = fork();
    if (writer == 0) {
        std::ofstream out(pipe);
        for (const char c : std::string("abcdef")) {
            usleep(10'000);
            out << c << std::flush;
        }
        out.close();
        std::_Exit(0);
    }
    std::string text(10, '\0');
    std::size_t got = 0;
    {
        const Alarms often;
        FileReader file(pipe);
        got = file.read(text.data(), text.size());
    }
    CHECK(alarms > 3);
    CHECK(text.substr(0, got) == "abcdef");
    int status = 0;
    waitpid(writer, &status, 0);
}

TEST_CASE("a failure to read is not the end of the file") {
    const TemporaryFolder folder;
    CHECK(complaint([&] { read_text(folder.path()); }) ==
          folder.path().string() + ": cannot be read: Is a directory");
    CHECK(complaint([&] { read_text(folder.path() / "absent"); }) ==
          (folder.path() / "absent").string() + ": cannot be read: No such file or directory");
}

TEST_CASE("texts are read whole, and as lines") {
    const TemporaryFolder folder;
    const fs::path path = folder.path() / "text";
    put(path, "one\n\nthree");
    CHECK(read_text(path) == "one\n\nthree");
    CHECK(read_lines(path) == std::vector<std::string>{"one", "", "three"});
    put(path, "");
    CHECK(read_text(path).empty());
    // Files of /proc have no size.
    CHECK(read_text("/proc/self/status").find("Name:") != std::string::npos);
}

TEST_CASE("a copy is whole and has the permissions of a new file") {
    const TemporaryFolder folder;
    const fs::path from = folder.path() / "from", to = folder.path() / "to";
    const std::string text(1 << 20, 'x');
    put(from, text);
    fs::permissions(from, fs::perms::owner_read);
    const mode_t mask = umask(0022);
    copy_atomically(from, to);
    umask(mask);
    CHECK(read_text(to) == text);
    CHECK(fs::status(to).permissions() == static_cast<fs::perms>(0644));
    CHECK(complaint([&] { copy_atomically(folder.path() / "absent", to); }).find("absent") !=
          std::string::npos);
    CHECK(read_text(to) == text);
    CHECK(entries(folder.path()) == 2);
}

TEST_CASE("a hidden file that cannot be removed is a warning") {
    const TemporaryFolder folder;
    std::vector<std::string> warnings;
    set_warning_handler([&](const std::string& subject, const std::string& text) {
        warnings.push_back(subject + ": " + text);
    });
    std::string hidden;
    {
        const AtomicFile file(folder.path() / "result");
        hidden = file.temporary_path().string();
        fs::remove(hidden);
    }
    set_warning_handler({});
    CHECK(warnings == std::vector<std::string>{hidden + ": cannot be removed: No such file or directory"});
}

TEST_CASE("the process of the next case", "[.]") {
    const fs::path folder = std::getenv("DNSP_TEST_FOLDER");
    AtomicFile finished(folder / "finished");
    finished.write("after");
    finished.commit();
    AtomicFile half(folder / "half");
    half.write("half");
    fs::create_directories(folder / "work/deep");
    put(folder / "work/deep/file", "text");
    const Unfinished work(folder / "work");
    remove_unfinished();
    std::_Exit(3);
}

TEST_CASE("a process that ends early removes what is unfinished") {
    const TemporaryFolder folder;
    put(folder.path() / "finished", "before");
    // A new program: a child alone leaves to its parent what both know.
    CHECK(in_child([&] {
              setenv("DNSP_TEST_FOLDER", folder.path().c_str(), 1);
              execl("/proc/self/exe", "test_base", "the process of the next case", nullptr);
          }) == 3);
    CHECK(entries(folder.path()) == 1);
    CHECK(read_text(folder.path() / "finished") == "after");
}

TEST_CASE("the child of a process does not remove what its parent writes") {
    const TemporaryFolder folder;
    AtomicFile file(folder.path() / "result");
    file.write("of the parent");
    CHECK(in_child([] { remove_unfinished(); }) == 0);
    file.commit();
    CHECK(read_text(folder.path() / "result") == "of the parent");
}

TEST_CASE("a folder is locked by one process, until it ends") {
    const TemporaryFolder folder;
    const auto lock = [&] { const FolderLock held(folder.path(), "is in use"); };
    {
        const FolderLock held(folder.path(), "is in use");
        CHECK(complaint(lock) == folder.path().string() + ": is in use");
    }
    CHECK(complaint(lock) == "no complaint");
    in_child([&] {
        const FolderLock held(folder.path(), "is in use");
        std::raise(SIGKILL);
    });
    CHECK(complaint(lock) == "no complaint");
    // The lock of a process that was killed may be released a moment later.
    auto held = std::make_unique<FolderLock>(folder.path(), "is in use");
    std::thread release([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        held.reset();
    });
    CHECK(complaint(lock) == "no complaint");
    release.join();
    CHECK(entries(folder.path()) == 0);
}
