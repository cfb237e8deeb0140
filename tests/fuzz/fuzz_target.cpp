#include "tests/fuzz/fuzz_target.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>

#include "base/error.hpp"

namespace dnsp::fuzz {

std::vector<FuzzTarget>& fuzz_targets() {
    static std::vector<FuzzTarget> targets;
    return targets;
}

const FuzzTarget* find_fuzz_target(const std::string& name) {
    for (const FuzzTarget& target : fuzz_targets())
        if (target.name == name) return &target;
    return nullptr;
}

void expect(bool condition, const char* reason) {
    if (condition) return;
    std::fprintf(stderr, "fuzz target: %s\n", reason);
    std::abort();
}

InputFile::InputFile(const std::string& name) {
    namespace fs = std::filesystem;
    const fs::path memory = "/dev/shm";
    std::string pattern =
        (fs::is_directory(memory) ? memory : fs::temp_directory_path()) / "dnsp-fuzz-XXXXXX";
    expect(mkdtemp(pattern.data()) != nullptr, "no temporary folder can be made");
    folder_ = pattern;
    path_ = folder_ / name;
}

InputFile::~InputFile() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

const std::filesystem::path& InputFile::write(Bytes bytes) {
    std::ofstream file(path_, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path_;
}

bool accepts(const std::function<void()>& read) {
    std::string reason;
    try {
        read();
        return true;
    } catch (const FileError& error) {
        reason = error.what();
    } catch (const Error& error) {
        reason = error.what();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "fuzz target: an exception that is no sentence for the user: %s\n",
                     error.what());
        std::abort();
    }
    expect(!reason.empty(), "a refusal without a reason");
    return false;
}

}  // namespace dnsp::fuzz
