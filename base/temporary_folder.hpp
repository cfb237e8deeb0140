#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/unfinished.hpp"
#include "base/warning.hpp"

namespace dnsp {

/// A new folder in the system's folder of temporary files; the destructor removes it, and warns if it cannot.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "dnsp-XXXXXX").string();
        require(mkdtemp(name.data()) != nullptr, name + ": cannot be created");
        path_ = name;
        unfinished_.emplace(path_);
    }
    ~TemporaryFolder() {
        try {
            std::error_code error;
            std::filesystem::remove_all(path_, error);
            if (error) warn(path_.string(), "cannot be removed: " + error.message());
        } catch (...) {
            return;  // no memory
        }
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
    std::optional<Unfinished> unfinished_;
};

}  // namespace dnsp
