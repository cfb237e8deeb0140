#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace dnsp {

/// The SHA-256 digest of a file, 64 hexadecimal digits. Throws FileError("path: reason") if it cannot be
/// read.
std::string sha256_of(const std::filesystem::path& path);
/// The digest of bytes.
std::string sha256_of_text(const std::string& bytes);
std::string sha256_of_bytes(std::span<const std::byte> bytes);

}  // namespace dnsp
