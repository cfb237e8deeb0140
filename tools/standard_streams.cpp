#include "tools/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>

namespace dnsp::tools {
namespace {

/// A descriptor, and why writing to it failed first.
struct Stream {
    int descriptor;
    const char* name;
    int error = 0;
};

std::array<Stream, 2> streams{{{STDOUT_FILENO, "standard output"}, {STDERR_FILENO, "standard error"}}};

/// Writes everything, or remembers why not. Always reports success to the C library.
ssize_t write_or_remember(void* cookie, const char* text, std::size_t bytes) {
    auto& stream = *static_cast<Stream*>(cookie);
    for (std::size_t done = 0; done < bytes;) {
        const ssize_t written = ::write(stream.descriptor, text + done, bytes - done);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            if (stream.error == 0) stream.error = written < 0 ? errno : EIO;
            break;
        }
        done += static_cast<std::size_t>(written);
    }
    return static_cast<ssize_t>(bytes);
}

void replace(FILE*& file, Stream& stream, int buffering) {
    FILE* const safe = fopencookie(&stream, "w", {nullptr, write_or_remember, nullptr, nullptr});
    if (safe == nullptr) return;  // no memory: the stream stays as it is
    std::setvbuf(safe, nullptr, buffering, BUFSIZ);
    file = safe;
}

}  // namespace

void guard_standard_streams() {
    // A closed stream stays unusable, but its number is taken.
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF)
            ::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    std::signal(SIGPIPE, SIG_IGN);
    replace(stdout, streams[0], ::isatty(STDOUT_FILENO) == 1 ? _IOLBF : _IOFBF);
    replace(stderr, streams[1], _IONBF);
}

std::string lost_text() {
    // std::cout, which prints the help, keeps the stream that the program started with.
    errno = 0;
    if (!std::cout.flush() && streams[0].error == 0) streams[0].error = errno == 0 ? EIO : errno;
    for (FILE* file : {stdout, stderr})
        if (std::fflush(file) != 0 && streams[0].error == 0) streams[0].error = errno;
    for (const Stream& stream : streams)
        if (stream.error != 0)
            return std::string(stream.name) + ": cannot be written: " + std::strerror(stream.error);
    return {};
}

}  // namespace dnsp::tools
