#pragma once

// Folders that tests read: the folders of the build, or folders from the environment for programs that run on
// another machine (scripts/gpu_bundle).
#include <cstdlib>
#include <filesystem>

namespace dnsp::testing {

inline std::filesystem::path folder(const char* variable, const char* as_built) {
    const char* value = std::getenv(variable);
    return value ? value : as_built;
}

/// tests/fixtures
inline std::filesystem::path fixtures_folder() { return folder("DNSP_FIXTURES_DIR", DNSP_FIXTURES); }
/// The folder of the tools.
inline std::filesystem::path bin_folder() { return folder("DNSP_BIN_DIR", DNSP_BIN); }

}  // namespace dnsp::testing
