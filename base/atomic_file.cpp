#include "base/atomic_file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/error.hpp"
#include "base/file_reader.hpp"
#include "base/warning.hpp"

namespace dnsp {
namespace {

/// Repeats a system call that a signal interrupts.
template <class Call>
auto repeated(Call&& call) {
    auto result = call();
    while (result < 0 && errno == EINTR) result = call();
    return result;
}

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
    const int descriptor =
        repeated([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (descriptor < 0) return;
    // Best effort: the data is already flushed, and some file systems cannot flush a folder.
    repeated([&] { return ::fsync(descriptor); });
    ::close(descriptor);
}

/// "name" of ".name.XXXXXX.part", the hidden file of a destination; empty for another file.
std::string destination_of(const std::string& hidden) {
    constexpr std::string_view suffix = ".XXXXXX.part";
    if (hidden.size() < suffix.size() + 2 || hidden.front() != '.' || !hidden.ends_with(".part")) return {};
    const std::size_t end = hidden.size() - suffix.size();
    return hidden[end] == '.' ? hidden.substr(1, end - 1) : std::string();
}

/// Locks a new hidden file. False if another process has just taken it for a leftover and removed it.
bool lock_new_file(int descriptor) {
    // A file system without locks: then nothing is taken for a leftover either.
    if (repeated([&] { return ::flock(descriptor, LOCK_EX); }) != 0) return true;
    struct stat status {};
    return ::fstat(descriptor, &status) != 0 || status.st_nlink > 0;
}

}  // namespace

void remove_leftovers(const std::filesystem::path& destination) {
    namespace fs = std::filesystem;
    static std::mutex guard;
    static std::map<fs::path, std::multimap<std::string, fs::path>>
        hidden_files;  // by folder, by destination
    const std::lock_guard lock(guard);
    const fs::path folder = destination.has_parent_path() ? destination.parent_path() : fs::path(".");
    std::error_code ignored;
    const auto [known, is_new] = hidden_files.try_emplace(fs::absolute(folder, ignored));
    if (is_new)
        for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end; it.increment(ignored))
            if (const std::string name = destination_of(it->path().filename().string()); !name.empty())
                known->second.emplace(name, it->path());
    const auto [first, last] = known->second.equal_range(destination.filename().string());
    for (auto it = first; it != last; ++it) {
        const int descriptor = ::open(it->second.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (descriptor < 0) continue;
        if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink(it->second.c_str());
        ::close(descriptor);
    }
    known->second.erase(first, last);
}

AtomicFile::AtomicFile(const std::filesystem::path& destination) : destination_(follow_links(destination)) {
    require(destination_.has_filename(), destination_.string(), "not a file name");
    std::error_code ignored;
    const auto status = std::filesystem::status(destination_, ignored);
    require(!std::filesystem::is_directory(status), destination_.string(), "is a folder, not a file");
    require(!std::filesystem::exists(status) || std::filesystem::is_regular_file(status),
            destination_.string(), "exists and is not a regular file");
    remove_leftovers(destination_);
    do {
        if (descriptor_ >= 0) ::close(descriptor_);
        unfinished_.reset();
        temporary_ = destination_.parent_path() /
                     fmt::format(".{}.{}.part", destination_.filename().string(), random_suffix());
        unfinished_.emplace(temporary_);
        descriptor_ = repeated(
            [&] { return ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); });
    } while (descriptor_ < 0 ? errno == EEXIST : !lock_new_file(descriptor_));
    if (descriptor_ < 0) fail(destination_, "cannot be created", errno);
}

AtomicFile::~AtomicFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (temporary_.empty() || ::unlink(temporary_.c_str()) == 0) return;
    const int error = errno;
    try {
        warn(temporary_.string(), std::string("cannot be removed: ") + std::strerror(error));
    } catch (...) {
        return;  // no memory for a warning
    }
}

void AtomicFile::write(std::span<const std::byte> bytes) {
    require(descriptor_ >= 0, destination_.string(), "write after commit");
    while (!bytes.empty()) {
        const ssize_t written = repeated([&] { return ::write(descriptor_, bytes.data(), bytes.size()); });
        if (written < 0) fail(destination_, "cannot be written", errno);
        if (written == 0) fail(destination_, "cannot be written", ENOSPC);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

void AtomicFile::write(const std::string& text) { write(std::as_bytes(std::span(text))); }

void AtomicFile::commit() {
    require(descriptor_ >= 0, destination_.string(), "committed twice");
    if (repeated([&] { return ::fsync(descriptor_); }) != 0)
        fail(destination_, "cannot be flushed to disk", errno);
    const int descriptor = descriptor_;
    descriptor_ = -1;
    // Linux closes the file also if a signal interrupts it, and its data are on the disk.
    if (::close(descriptor) != 0 && errno != EINTR) fail(destination_, "cannot be closed", errno);
    if (::rename(temporary_.c_str(), destination_.c_str()) != 0) {
        fail(destination_, "cannot be renamed to its final name", errno);
    }
    temporary_.clear();
    unfinished_.reset();
    flush_folder(destination_);
}

void write_atomically(const std::filesystem::path& path, const std::string& text) {
    AtomicFile file(path);
    file.write(text);
    file.commit();
}

void copy_atomically(const std::filesystem::path& from, const std::filesystem::path& to) {
    FileReader source(from);
    AtomicFile file(to);
    std::vector<std::byte> buffer(std::size_t{1} << 18);
    while (const std::size_t got = source.read(buffer.data(), buffer.size()))
        file.write(std::span(buffer).first(got));
    file.commit();
}

}  // namespace dnsp
