#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

// Fuzz targets: one for each reader of files or of text that users give. A target feeds its reader any bytes
// and checks what comes out. libfuzzer.cpp runs a target under libFuzzer, replay.cpp on stored inputs.
namespace dnsp::fuzz {

using Bytes = std::span<const std::uint8_t>;

/// libFuzzer's own mutation of bytes in place: (bytes, size, largest size) → new size.
using Mutation = std::size_t (*)(std::uint8_t*, std::size_t, std::size_t);

struct FuzzTarget {
    std::string name;
    /// Ends the process by abort() or a sanitizer if the reader fails on these bytes.
    void (*run)(Bytes);
    /// Changes bytes so that they stay near to what the reader accepts; null: `Mutation` alone.
    std::size_t (*mutate)(std::uint8_t* bytes, std::size_t size, std::size_t largest, unsigned seed,
                          Mutation mutation);
};

std::vector<FuzzTarget>& fuzz_targets();

/// Adds a target before main().
struct FuzzTargetRegistration {
    explicit FuzzTargetRegistration(FuzzTarget target) { fuzz_targets().push_back(std::move(target)); }
};

/// Null if there is none of that name.
const FuzzTarget* find_fuzz_target(const std::string& name);

/// Prints the reason and aborts unless `condition` holds.
void expect(bool condition, const char* reason);

/// A file of this process that holds an input, in memory where the system has /dev/shm.
class InputFile {
  public:
    /// `name`: of the file, for its extension.
    explicit InputFile(const std::string& name);
    ~InputFile();
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    const std::filesystem::path& write(Bytes bytes);
    /// The folder of the file, removed with it.
    const std::filesystem::path& folder() const { return folder_; }

  private:
    std::filesystem::path folder_, path_;
};

/// Calls a reader. Returns false if it refuses its input with a sentence (FileError, Error). Any other
/// exception, such as std::bad_alloc or one of a library, and an empty sentence end the process.
bool accepts(const std::function<void()>& read);

inline std::string text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace dnsp::fuzz
