#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace dnsp::imaging {

/// Throws FileError unless the path names a non-empty regular file.
void require_input_file(const std::filesystem::path& path);

/// The whole file. Throws FileError with the path and the system's reason.
std::vector<std::byte> read_input_file(const std::filesystem::path& path);

}  // namespace dnsp::imaging
