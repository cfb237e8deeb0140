#include "imaging/input_file.hpp"

#include <system_error>

#include "base/error.hpp"
#include "base/file_reader.hpp"

namespace dnsp::imaging {

void require_input_file(const std::filesystem::path& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    require(status.type() != std::filesystem::file_type::not_found, path.string(), "no such file");
    require(!error, path.string(), "cannot be read: " + error.message());
    require(!std::filesystem::is_directory(status), path.string(), "is a folder, not a file");
    require(std::filesystem::is_regular_file(status), path.string(), "is not a regular file");
    require(std::filesystem::file_size(path, error) > 0 && !error, path.string(), "empty file");
}

std::vector<std::byte> read_input_file(const std::filesystem::path& path) {
    require_input_file(path);
    FileReader file(path);
    std::vector<std::byte> bytes(static_cast<std::size_t>(file.size()));
    const std::size_t got = file.read(bytes.data(), bytes.size());
    require(got == bytes.size(), path.string(), "cannot be read to its end");
    return bytes;
}

}  // namespace dnsp::imaging
