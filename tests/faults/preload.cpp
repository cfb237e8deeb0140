// A library that is loaded into a program (LD_PRELOAD) and disturbs it. scripts/inject_faults compiles it.
//
//   DNSP_FAULT_TRACE=1           the calls of calls.hpp are reported to the tracer, from main() on
//   DNSP_FAULT_ALLOCATION=N      the N-th allocation after the start of main() finds no memory ("N+": and all
//   later ones) DNSP_FAULT_CLOCK=backwards   the clock of the day runs backwards DNSP_FAULT_LOCALE=NAME
//   main() starts in this locale of numbers
#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <clocale>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>

#include "calls.hpp"

// The allocator of glibc under its own names.
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* data, std::size_t bytes);
void __libc_free(void* data);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
}

namespace {

using namespace dnsp::faults;

std::atomic<bool> counting = false;
std::atomic<long> allocations = 0;
long failing = 0;
bool later_too = false;

std::atomic<long> freed = 0;  // bytes that were freed since memory is exhausted, and not allocated again

/// Takes from what was freed.
bool takes_freed(long bytes) {
    for (long present = freed; present >= bytes;)
        if (freed.compare_exchange_weak(present, present - bytes)) return true;
    return false;
}

bool fails(std::size_t bytes) {
    if (!counting) return false;
    const long number = ++allocations;
    if (failing == 0 || number < failing) return false;
    if (number == failing) syscall(message_call, allocation_failed, number);
    if (number > failing && (!later_too || takes_freed(static_cast<long>(bytes)))) return false;
    errno = ENOMEM;
    return true;
}

void report_allocations() { syscall(message_call, allocations_counted, allocations.load()); }

void trace_calls() {
    constexpr std::size_t count = std::size(calls) + 1;
    sock_filter filter[count + 3];
    filter[0] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
    for (std::size_t i = 0; i < count; ++i) {
        const long number = i < std::size(calls) ? calls[i].number : message_call;
        filter[i + 1] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number),
                                 static_cast<unsigned char>(count - i), 0);
    }
    filter[count + 1] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    filter[count + 2] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    const sock_fprog program{static_cast<unsigned short>(count + 3), filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        std::perror("system calls cannot be traced");
        _exit(125);
    }
}

/// Whether the variable is set. Removes it, so that programs started from here are left alone.
const char* take(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) return nullptr;
    const char* copy = strdup(value);
    unsetenv(name);
    return copy;
}

int (*real_main)(int, char**, char**) = nullptr;

int main_with_faults(int argc, char** argv, char** environment) {
    unsetenv("LD_PRELOAD");
    if (const char* locale = take("DNSP_FAULT_LOCALE");
        locale != nullptr && std::setlocale(LC_NUMERIC, locale) == nullptr) {
        std::fprintf(stderr, "no locale %s\n", locale);
        return 125;
    }
    if (const char* number = take("DNSP_FAULT_ALLOCATION")) {
        failing = std::atol(number);
        later_too = std::strchr(number, '+') != nullptr;
    }
    if (take("DNSP_FAULT_TRACE") != nullptr) {
        trace_calls();
        std::atexit(report_allocations);
    }
    counting = true;
    return real_main(argc, argv, environment);
}

std::timespec backwards(std::timespec now) {
    static std::atomic<long> calls_so_far = 0;
    now.tv_sec -= 60 * ++calls_so_far;
    return now;
}

bool clock_runs_backwards() {
    static const bool backwards = std::getenv("DNSP_FAULT_CLOCK") != nullptr;
    return backwards;
}

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) { return fails(bytes) ? nullptr : __libc_malloc(bytes); }
void* calloc(std::size_t count, std::size_t bytes) {
    return fails(count * bytes) ? nullptr : __libc_calloc(count, bytes);
}
void* realloc(void* data, std::size_t bytes) {
    return bytes > 0 && fails(bytes) ? nullptr : __libc_realloc(data, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
    return fails(bytes) ? nullptr : __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** data, std::size_t alignment, std::size_t bytes) {
    *data = memalign(alignment, bytes);
    return *data == nullptr ? ENOMEM : 0;
}
void free(void* data) {
    if (later_too && failing > 0 && allocations >= failing)
        freed += static_cast<long>(malloc_usable_size(data));
    __libc_free(data);
}

int clock_gettime(clockid_t clock, std::timespec* now) noexcept {
    using Function = int (*)(clockid_t, std::timespec*);
    static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "clock_gettime"));
    const int status = real(clock, now);
    if (status == 0 && clock == CLOCK_REALTIME && clock_runs_backwards()) *now = backwards(*now);
    return status;
}
std::time_t time(std::time_t* result) noexcept {
    std::timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if (result != nullptr) *result = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(timeval* result, void*) noexcept {
    std::timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    *result = {now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(), void (*fini)(),
                      void (*rtld_fini)(), void* stack_end) {
    using Function =
        int (*)(int (*)(int, char**, char**), int, char**, void (*)(), void (*)(), void (*)(), void*);
    real_main = main;
    const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "__libc_start_main"));
    return real(main_with_faults, argc, argv, init, fini, rtld_fini, stack_end);
}

}  // extern "C"
