#include "base/atomic_file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <system_error>

#include "base/error.hpp"

namespace dnsp {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what, int error) {
    throw FileError(path.string() + ": " + what + ": " + std::strerror(error));
}

std::string random_suffix() {
    static constexpr char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    std::random_device random;
    std::string suffix;
    for (int i = 0; i < 6; ++i) suffix += letters[random() % 36];
    return suffix;
}

/// Renaming onto a symbolic link would replace the link, not its target.
std::filesystem::path follow_links(const std::filesystem::path& path) {
    std::error_code ignored;
    if (!std::filesystem::is_symlink(path, ignored)) return path;
    const auto target = std::filesystem::weakly_canonical(path, ignored);
    return ignored ? path : target;
}

void flush_folder(const std::filesystem::path& file) {
    const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    // Best effort: the data is already flushed, and some file systems cannot flush a folder.
    ::fsync(descriptor);
    ::close(descriptor);
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& destination) : destination_(follow_links(destination)) {
    require(destination_.has_filename(), destination_.string(), "not a file name");
    std::error_code ignored;
    const auto status = std::filesystem::status(destination_, ignored);
    require(!std::filesystem::is_directory(status), destination_.string(), "is a folder, not a file");
    require(!std::filesystem::exists(status) || std::filesystem::is_regular_file(status),
            destination_.string(), "exists and is not a regular file");
    do {
        temporary_ = destination_.parent_path() /
                     fmt::format(".{}.{}.part", destination_.filename().string(), random_suffix());
        descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor_ < 0 && errno == EEXIST);
    if (descriptor_ < 0) fail(destination_, "cannot be created", errno);
}

AtomicFile::~AtomicFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
    require(descriptor_ >= 0, destination_.string(), "write after commit");
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail(destination_, "cannot be written", errno);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

void AtomicFile::write(const std::string& text) { write(std::as_bytes(std::span(text))); }

void AtomicFile::commit() {
    require(descriptor_ >= 0, destination_.string(), "committed twice");
    if (::fsync(descriptor_) != 0) fail(destination_, "cannot be flushed to disk", errno);
    const int descriptor = descriptor_;
    descriptor_ = -1;
    if (::close(descriptor) != 0) fail(destination_, "cannot be closed", errno);
    if (::rename(temporary_.c_str(), destination_.c_str()) != 0) {
        fail(destination_, "cannot be renamed to its final name", errno);
    }
    temporary_.clear();
    flush_folder(destination_);
}

void write_atomically(const std::filesystem::path& path, const std::string& text) {
    AtomicFile file(path);
    file.write(text);
    file.commit();
}

}  // namespace dnsp
