#include "imaging/dicom/readable.hpp"

#include <fcntl.h>
#include <gdcmImageReader.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <new>

#include "base/error.hpp"

namespace dnsp::imaging {
namespace {

namespace fs = std::filesystem;

void limit(decltype(RLIMIT_CPU) resource, rlim_t most) {
    rlimit value{};
    if (getrlimit(resource, &value) != 0) return;
    value.rlim_cur = std::min(most, value.rlim_max);
    setrlimit(resource, &value);
}

/// Ends this process by a signal if GDCM does not come to an end or allocates what no file can hold. Its core
/// is not kept.
void limit_process(const std::vector<fs::path>& files) {
    std::uintmax_t bytes = 0, largest = 0;
    for (const fs::path& path : files) {
        const std::uintmax_t size = fs::file_size(path);
        bytes += size;
        largest = std::max(largest, size);
    }
    limit(RLIMIT_CPU, 60 + bytes / (1 << 18));
    limit(RLIMIT_CORE, 0);
    limit_memory((std::uintmax_t{1} << 29) + 64 * largest);
}

/// Tells the parent process that a file is read.
bool tell(int pipe_end) {
    ssize_t told = -1;
    do told = ::write(pipe_end, "", 1);
    while (told < 0 && errno == EINTR);
    return told == 1;
}

/// Reads all files, as a child process.
[[noreturn]] void read_as_child(const std::vector<fs::path>& files, int pipe_end) {
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    limit_process(files);
    for (const fs::path& path : files) {
        decode_and_drop(path);
        if (!tell(pipe_end)) break;
    }
    _exit(0);
}

}  // namespace

bool can_hold_its_pixels(const gdcm::Image& image, const fs::path& path) {
    // RLE packs 128 bytes into 2; JPEG 2000 may need a few hundred bytes for an empty image.
    constexpr double always = 1 << 22, most_compressed = 2000.0;
    double bytes = static_cast<double>(image.GetPixelFormat().GetPixelSize());
    for (unsigned axis = 0; axis < image.GetNumberOfDimensions(); ++axis) bytes *= image.GetDimension(axis);
    return bytes <= always || bytes <= most_compressed * static_cast<double>(fs::file_size(path));
}

void limit_memory(std::uintmax_t bytes) {
    // proc_pid_statm(5): the sixth number is that of the pages of data and stack.
    std::ifstream pages("/proc/self/statm");
    std::uintmax_t held = 0;
    for (int field = 0; field < 6; ++field) pages >> held;
    // GDCM catches std::bad_alloc and tries something else, which it would not do without the limit.
    std::set_new_handler([] { _exit(1); });
    if (pages) limit(RLIMIT_DATA, held * static_cast<std::uintmax_t>(sysconf(_SC_PAGESIZE)) + bytes);
}

void decode_and_drop(const fs::path& path) {
    gdcm::ImageReader reader;
    reader.SetFileName(path.c_str());
    if (!reader.Read() || !can_hold_its_pixels(reader.GetImage(), path)) return;
    std::vector<char> bytes(reader.GetImage().GetBufferLength());
    reader.GetImage().GetBuffer(bytes.data());
}

void require_readable(const std::vector<fs::path>& files) {
    const std::string first = files.front().string();
    int ends[2];
    require(pipe2(ends, O_CLOEXEC) == 0, first,
            std::string("no pipe can be opened: ") + std::strerror(errno));
    const pid_t child = fork();
    const int error = errno;
    if (child == 0) read_as_child(files, ends[1]);
    close(ends[1]);
    std::size_t done = 0;
    ssize_t got = child < 0 ? 0 : 1;
    int read_error = 0;
    while (got > 0) {
        char byte = 0;
        do got = ::read(ends[0], &byte, 1);
        while (got < 0 && errno == EINTR);
        read_error = got < 0 ? errno : 0;
        done += got > 0;
    }
    close(ends[0]);
    require(child >= 0, first, std::string("no process can be started: ") + std::strerror(error));
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    require(read_error == 0, first, std::string("cannot be checked: ") + std::strerror(read_error));
    require(done >= files.size(), files[std::min(done, files.size() - 1)].string(),
            "is damaged: it cannot be read as DICOM");
}

}  // namespace dnsp::imaging
