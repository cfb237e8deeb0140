#include "base/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "base/warning.hpp"

namespace dnsp {

FolderLock::FolderLock(const std::filesystem::path& folder, const std::string& refusal) {
    do descriptor_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (descriptor_ < 0 && errno == EINTR);
    require(descriptor_ >= 0, folder.string(), std::string("cannot be opened: ") + std::strerror(errno));
    int status = -1;
    do status = ::flock(descriptor_, LOCK_EX | LOCK_NB);
    while (status != 0 && errno == EINTR);
    if (status == 0) return;
    const int error = errno;
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
