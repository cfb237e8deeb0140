#include "tools/interruption.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <new>
#include <system_error>
#include <thread>

#include "base/error.hpp"
#include "base/unfinished.hpp"

namespace dnsp::tools {
namespace {

using std::chrono::milliseconds;

volatile std::sig_atomic_t interrupt_count = 0, last_signal = 0;
std::array<int, 2> wake{-1, -1};  // a pipe from the signal handler to the watcher
pid_t process = 0;
std::atomic<milliseconds::rep> patience_ms = 0;
std::array<char, 64> program{};

/// Needs no memory.
void say(const char* reason) {
    for (const char* text : std::initializer_list<const char*>{program.data(), ": ", reason, "\n"})
        if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

void on_signal(int signal) {
    if (::getpid() != process) ::_exit(128 + signal);  // a child process
    const int error = errno;
    last_signal = signal;
    interrupt_count = interrupt_count + 1;
    if (::write(wake[1], "", 1) != 1) ::_exit(128 + signal);
    errno = error;
}

[[noreturn]] void end_by_signal() {
    remove_unfinished();
    say("interrupted");
    const int signal = last_signal;
    std::signal(signal, SIG_DFL);
    ::kill(process, signal);
    ::_exit(128 + signal);
}

/// Waits for a signal, at most that long.
bool signal_comes(milliseconds limit) {
    pollfd descriptor{wake[0], POLLIN, 0};
    const auto end = std::chrono::steady_clock::now() + limit;
    while (true) {
        const auto left = std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
        const int got =
            ::poll(&descriptor, 1, static_cast<int>(std::max<milliseconds::rep>(left.count(), 0)));
        char byte = 0;
        if (got > 0 && ::read(wake[0], &byte, 1) == 1) return true;
        if (got == 0) return false;
    }
}

void watch_signals() {
    while (!signal_comes(std::chrono::hours(24))) continue;
    signal_comes(milliseconds(patience_ms));
    end_by_signal();
}

[[noreturn]] void on_terminate() {
    static std::atomic_flag entered;
    if (entered.test_and_set()) ::_exit(1);  // what follows failed in its turn
    try {
        throw;
    } catch (const std::bad_alloc&) {
    } catch (const OutOfMemory&) {
    } catch (...) {
        __gnu_cxx::__verbose_terminate_handler();
    }
    say("out of memory");
    remove_unfinished();
    ::_exit(1);
}

/// main() allocates before it can call prepare_for_early_end().
[[maybe_unused]] const bool set_before_main = [] {
    std::strncpy(program.data(), program_invocation_short_name, program.size() - 1);
    std::set_terminate(on_terminate);
    return true;
}();

}  // namespace

void prepare_for_early_end(const std::string& name) {
    name.copy(program.data(), program.size() - 1);
    process = ::getpid();
    std::atexit(remove_unfinished);
    if (::pipe2(wake.data(), O_CLOEXEC) != 0) return;
    try {
        std::thread(watch_signals).detach();
    } catch (const std::system_error&) {
        return;  // no thread: signals end the program at once, and the next run removes hidden files
    }
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction action {};
        // nohup ignores SIGHUP.
        if (signal == SIGHUP && ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
            continue;
        std::signal(signal, on_signal);
    }
}

void catch_interrupts(milliseconds patience) { patience_ms = patience.count(); }

bool interrupted() { return interrupt_count > 0; }

}  // namespace dnsp::tools
