#include "base/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/error.hpp"
#include "base/warning.hpp"

namespace dnsp {
namespace {

/// The system may take a moment to release the lock of a process that was killed.
constexpr std::chrono::seconds patience{1};

}  // namespace

FolderLock::FolderLock(const std::filesystem::path& folder, const std::string& refusal) {
    do descriptor_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (descriptor_ < 0 && errno == EINTR);
    require(descriptor_ >= 0, folder.string(), std::string("cannot be opened: ") + std::strerror(errno));
    const auto deadline = std::chrono::steady_clock::now() + patience;
    int error = 0;
    do {
        error = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
        if (error == EWOULDBLOCK) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    } while (error == EINTR || (error == EWOULDBLOCK && std::chrono::steady_clock::now() < deadline));
    if (error == 0) return;
    if (error != EWOULDBLOCK) {
        warn(folder.string(), std::string("cannot be locked (") + std::strerror(error) +
                                  "), so a second process is not noticed");
        return;
    }
    ::close(descriptor_);
    throw FileError(folder.string() + ": " + refusal);
}

FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace dnsp
