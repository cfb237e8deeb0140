#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dnsp {

/// A regular file that is read from its beginning. Interrupted calls are repeated. A failure is a FileError
/// with the path and the system's reason, so that it is never taken for the end of the file.
class FileReader {
  public:
    explicit FileReader(const std::filesystem::path& path);
    ~FileReader();
    FileReader(const FileReader&) = delete;
    FileReader& operator=(const FileReader&) = delete;

    const std::string& path() const { return path_; }
    /// Size of the file when it was opened.
    std::uintmax_t size() const { return size_; }
    /// Returns the number of bytes read: fewer than `bytes` at the end of the file only.
    std::size_t read(void* target, std::size_t bytes);
    void skip(std::int64_t bytes);

  private:
    std::string path_;
    int descriptor_;
    std::uintmax_t size_ = 0;
};

/// The whole file.
std::string read_text(const std::filesystem::path& path);
/// Its lines, without their ends.
std::vector<std::string> read_lines(const std::filesystem::path& path);

}  // namespace dnsp
