#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace dnsp {

/// A file that is written atomically: writes go to a hidden sibling
/// (".name.XXXXXX.part"), commit() flushes it to disk and renames it. Destroyed without commit(), it
/// removes the sibling. A symbolic link is followed; what exists and is no regular file is refused. Throws
/// FileError with the path and the system's reason (full disk, no permission, …).
class AtomicFile {
  public:
    explicit AtomicFile(const std::filesystem::path& destination);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    /// The sibling, for writers that open paths themselves.
    const std::filesystem::path& temporary_path() const { return temporary_; }
    void write(std::span<const std::byte> bytes);
    void write(const std::string& text);
    void commit();

  private:
    std::filesystem::path destination_;
    std::filesystem::path temporary_;
    int descriptor_ = -1;
};

/// A file of that text, by an AtomicFile.
void write_atomically(const std::filesystem::path& path, const std::string& text);

}  // namespace dnsp
