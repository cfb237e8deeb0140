// Runs a program and makes one of its system calls fail. Linux on x86-64. scripts/inject_faults compiles and
// calls it.
//
// Usage: trace REPORT KIND N FAULT PROGRAM ARGUMENT…
//   REPORT  file for a JSON object: exit status or signal, number of calls of each kind, the call that failed
//   KIND    one of `kinds`, or "none", which only counts; "any" counts calls of every kind together
//   N       the call of that kind that fails, from 1
//   FAULT   a number of errno; with a "+" behind it the later calls of the kind fail, too. "short": half of
//           the bytes are transferred. "kill": SIGKILL before the call. "slow": every call waits 20 ms
//           before.
//
// PROGRAM is started with the library of faults/preload.cpp, which asks for the calls of `kinds` to be
// reported from main() on, so that the dynamic linker is left alone. Other programs that it starts run
// undisturbed.
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "calls.hpp"

namespace {

using namespace dnsp::faults;

struct Plan {
    std::string kind, fault;
    long number = 0;
    bool later_too = false;
};

struct Seen {
    std::map<std::string, long> counts;
    long injected = 0;
    std::string call;  // the first one that failed
};

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text)
        if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 32)
            out += '?';
        else
            out += c;
    return out + "\"";
}

std::string text_at(pid_t process, unsigned long long address) {
    std::string text;
    while (address != 0 && text.size() < 300) {
        errno = 0;
        const long word = ptrace(PTRACE_PEEKDATA, process, address + text.size(), nullptr);
        if (errno != 0) break;
        std::array<char, sizeof word> bytes;
        std::memcpy(bytes.data(), &word, sizeof word);
        for (const char c : bytes) {
            if (c == 0) return text;
            text += c;
        }
    }
    return text;
}

std::string file_of(pid_t process, int descriptor) {
    std::array<char, 300> target{};
    const std::string link = "/proc/" + std::to_string(process) + "/fd/" + std::to_string(descriptor);
    const ssize_t length = readlink(link.c_str(), target.data(), target.size() - 1);
    return std::to_string(descriptor) + " " + (length < 0 ? "" : target.data());
}

std::string describe(pid_t process, const Call& call, const user_regs_struct& registers) {
    std::string text = call.name;
    if (call.argument == Argument::descriptor)
        text += " " + file_of(process, static_cast<int>(registers.rdi));
    if (call.argument == Argument::path) text += " " + text_at(process, registers.rdi);
    if (call.argument == Argument::path_at) text += " " + text_at(process, registers.rsi);
    return text;
}

/// The present break.
unsigned long long end_of_heap(pid_t process) {
    std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
    unsigned long long end = 0;
    for (std::string line; std::getline(maps, line);)
        if (line.ends_with("[heap]")) end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
    return end;
}

/// Halves what a call transfers. False if there is nothing to halve.
bool shorten(const Call& call, user_regs_struct& registers) {
    unsigned long long* count = &registers.rdx;
    if (call.number == SYS_sendfile) count = &registers.r10;
    if (call.number == SYS_copy_file_range) count = &registers.r8;
    if (*count < 2) return false;
    *count /= 2;
    return true;
}

class Tracer {
  public:
    explicit Tracer(Plan plan) : plan_(std::move(plan)) {}

    /// A stop of `process` at a call. Changes the call if the plan says so.
    void at_call(pid_t process) {
        user_regs_struct registers{};
        if (ptrace(PTRACE_GETREGS, process, nullptr, &registers) != 0) return;
        const auto number = static_cast<long>(registers.orig_rax);
        if (number == message_call) {
            if (registers.rdi == allocations_counted)
                seen.counts["allocate"] = static_cast<long>(registers.rsi);
            if (registers.rdi == allocation_failed) {
                ++seen.injected;
                seen.call = "allocate";
            }
            return;
        }
        const auto* call = std::find_if(std::begin(calls), std::end(calls),
                                        [&](const Call& c) { return c.number == number; });
        if (call == std::end(calls) || others.contains(process)) return;
        const long count = ++seen.counts[call->kind];
        const long of_any = ++seen.counts["any"];
        if (plan_.fault == "slow" &&
            (call->kind == std::string("write") || call->kind == std::string("sync")))
            usleep(20'000);
        const bool any = plan_.kind == "any";
        if (!any && plan_.kind != call->kind) return;
        const long position = any ? of_any : count;
        if (position < plan_.number || (position > plan_.number && !plan_.later_too)) return;
        fail(process, *call, registers);
    }

    Seen seen;
    std::set<pid_t> others;  ///< processes that run another program

  private:
    void fail(pid_t process, const Call& call, user_regs_struct& registers) {
        if (plan_.fault == "slow") return;
        const std::string text = describe(process, call, registers);
        if (plan_.fault == "short") {
            if (!shorten(call, registers)) return;
        } else if (plan_.fault == "kill") {
            kill(main_process, SIGKILL);
        } else if (call.number == SYS_brk) {
            registers.orig_rax = ~0ull;
            registers.rax = end_of_heap(process);  // Linux returns the present break if there is no memory
        } else {
            registers.orig_rax = ~0ull;  // no call
            registers.rax = static_cast<unsigned long long>(-std::stol(plan_.fault));
        }
        ptrace(PTRACE_SETREGS, process, nullptr, &registers);
        if (++seen.injected == 1) seen.call = text;
    }

    Plan plan_;

  public:
    pid_t main_process = 0;
};

int run(Tracer& tracer, const std::string& report) {
    const pid_t main_process = tracer.main_process;
    std::set<pid_t> known = {main_process};
    int status = 0;
    bool started = false;
    while (true) {
        const pid_t process = waitpid(-1, &status, __WALL);
        if (process < 0 && errno == EINTR) continue;
        if (process < 0) return 1;
        if (!WIFSTOPPED(status)) {
            if (process == main_process) break;
            continue;
        }
        const int signal = WSTOPSIG(status), event = status >> 16;
        int forwarded = 0;
        if (event == PTRACE_EVENT_SECCOMP) {
            tracer.at_call(process);
        } else if (event == PTRACE_EVENT_EXEC) {
            if (started) tracer.others.insert(process);
            started = true;
        } else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
            unsigned long child = 0;
            ptrace(PTRACE_GETEVENTMSG, process, nullptr, &child);
            if (tracer.others.contains(process)) tracer.others.insert(static_cast<pid_t>(child));
        } else if (event == 0 && signal == SIGSTOP && known.insert(process).second) {
            // A new thread or process begins with this stop.
        } else if (event == 0 && signal == SIGSTOP && process == main_process && !started) {
            constexpr long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEEXEC |
                                     PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
            ptrace(PTRACE_SETOPTIONS, process, nullptr, options);
        } else if (event == 0) {
            forwarded = signal;
        }
        ptrace(PTRACE_CONT, process, nullptr, static_cast<long>(forwarded));
    }
    std::ofstream out(report);
    out << "{\"status\": " << (WIFEXITED(status) ? std::to_string(WEXITSTATUS(status)) : "null")
        << ", \"signal\": " << (WIFSIGNALED(status) ? std::to_string(WTERMSIG(status)) : "null")
        << ", \"injected\": " << tracer.seen.injected << ", \"call\": " << quoted(tracer.seen.call)
        << ", \"counts\": {";
    const char* separator = "";
    for (const auto& [kind, count] : tracer.seen.counts) {
        out << separator << quoted(kind) << ": " << count;
        separator = ", ";
    }
    out << "}}\n";
    return out.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 6) {
        std::fputs("usage: trace REPORT KIND N FAULT PROGRAM ARGUMENT…\n", stderr);
        return 2;
    }
    Plan plan{argv[2], argv[4], std::atol(argv[3])};
    if (plan.fault.ends_with("+")) {
        plan.fault.pop_back();
        plan.later_too = true;
    }
    Tracer tracer(plan);
    tracer.main_process = fork();
    if (tracer.main_process == 0) {
        if (const char* library = std::getenv("DNSP_FAULT_LIBRARY")) setenv("LD_PRELOAD", library, 1);
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        execv(argv[5], argv + 5);
        std::perror(argv[5]);
        _exit(127);
    }
    return run(tracer, argv[1]);
}
