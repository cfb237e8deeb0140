#pragma once

#include <filesystem>
#include <string>

namespace dnsp {

/// A lock on a folder, which one process can hold. It lies on the folder itself, so that no file is needed,
/// and ends with the process.
class FolderLock {
  public:
    /// Waits up to a second for a lock that another process holds, then throws FileError "folder: `refusal`".
    /// Warns, and holds nothing, if
    /// the file system has no locks.
    FolderLock(const std::filesystem::path& folder, const std::string& refusal);
    ~FolderLock();
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;

  private:
    int descriptor_ = -1;
};

}  // namespace dnsp
