#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "base/unfinished.hpp"

namespace dnsp {

/// A file that is written atomically. Writes go to a hidden file in the same folder (".name.XXXXXX.part").
/// commit() flushes it to disk and renames it. The destructor removes it if commit() was not called, and
/// warns if it cannot. What a killed process left is removed by the next process that writes the same file.
/// Symbolic links are followed. Throws FileError, with the path and the system's reason (disk full,
/// permission denied, …), also if the path exists and is not a regular file.
class AtomicFile {
  public:
    explicit AtomicFile(const std::filesystem::path& destination);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    /// Path of the hidden file, for writers that open paths themselves.
    const std::filesystem::path& temporary_path() const { return temporary_; }
    void write(std::span<const std::byte> bytes);
    void write(const std::string& text);
    void commit();

  private:
    std::filesystem::path destination_;
    std::filesystem::path temporary_;
    std::optional<Unfinished> unfinished_;
    int descriptor_ = -1;
};

/// Writes `text` to a file atomically (AtomicFile).
void write_atomically(const std::filesystem::path& path, const std::string& text);

/// Removes the hidden files that killed processes left of `destination`, whose AtomicFile does so too. A
/// living process holds a lock on its hidden file, which stays. A folder is listed once in a process, since
/// it may hold thousands of files.
void remove_leftovers(const std::filesystem::path& destination);

/// Copies a file atomically. The copy gets the permissions of a new file.
void copy_atomically(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace dnsp
