#include "base/unfinished.hpp"

#include <unistd.h>

#include <cstddef>
#include <mutex>
#include <new>
#include <system_error>

namespace dnsp {
namespace {

// Never destroyed: it is used until the process has ended.
struct Known {
    const pid_t process = ::getpid();
    std::mutex guard;
    std::list<std::filesystem::path> paths;
};

Known& known() {
    alignas(Known) static std::byte storage[sizeof(Known)];  // memory may be exhausted
    static Known* instance = new (storage) Known;
    return *instance;
}

}  // namespace

Unfinished::Unfinished(const std::filesystem::path& path) {
    const std::lock_guard lock(known().guard);
    // Absolute, because the process may change its folder.
    known().paths.push_front(std::filesystem::absolute(path));
    entry_ = known().paths.begin();
}

Unfinished::~Unfinished() {
    const std::lock_guard lock(known().guard);
    known().paths.erase(entry_);
}

void remove_unfinished() noexcept {
    if (::getpid() != known().process) return;  // a child process, whose parent still writes
    try {
        known().guard.lock();  // for ever
        // Removing a file needs no memory, so files come first.
        for (const std::filesystem::path& path : known().paths) ::unlink(path.c_str());
        for (const std::filesystem::path& path : known().paths) {
            std::error_code ignored;
            std::filesystem::remove_all(path, ignored);
        }
    } catch (...) {
        return;  // out of memory: a folder stays
    }
}

}  // namespace dnsp
