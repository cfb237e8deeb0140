#include "base/file_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "base/error.hpp"

namespace dnsp {
namespace {

[[noreturn]] void fail(const std::string& path, int error) {
    throw FileError(path + ": cannot be read: " + std::strerror(error));
}

int open_to_read(const std::string& path) {
    int descriptor = -1;
    do descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    while (descriptor < 0 && errno == EINTR);
    if (descriptor < 0) fail(path, errno);
    return descriptor;
}

}  // namespace

FileReader::FileReader(const std::filesystem::path& path)
    : path_(path.string()), descriptor_(open_to_read(path_)) {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) {
        const int error = errno;
        ::close(descriptor_);
        fail(path_, error);
    }
    size_ = static_cast<std::uintmax_t>(std::max<off_t>(status.st_size, 0));
}

FileReader::~FileReader() { ::close(descriptor_); }

std::size_t FileReader::read(void* target, std::size_t bytes) {
    std::size_t done = 0;
    while (done < bytes) {
        const ssize_t got = ::read(descriptor_, static_cast<char*>(target) + done, bytes - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail(path_, errno);
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    return done;
}

void FileReader::skip(std::int64_t bytes) {
    if (::lseek(descriptor_, bytes, SEEK_CUR) < 0) fail(path_, errno);
}

std::string read_text(const std::filesystem::path& path) {
    FileReader file(path);
    std::string text;
    // A file may grow while it is read, and files of /proc have the size 0.
    for (std::size_t chunk = static_cast<std::size_t>(file.size()) + 1;; chunk = text.size() + 4096) {
        const std::size_t start = text.size();
        text.resize(start + chunk);
        const std::size_t got = file.read(text.data() + start, chunk);
        text.resize(start + got);
        if (got < chunk) return text;
    }
}

std::vector<std::string> read_lines(const std::filesystem::path& path) {
    std::istringstream text(read_text(path));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
}

}  // namespace dnsp
