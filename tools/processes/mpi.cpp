// Processes joined by MPI.
#include <fcntl.h>
#include <fmt/format.h>
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <thread>

#include "base/error.hpp"
#include "tools/processes/join.hpp"
#include "tools/processes/launcher.hpp"

namespace dnsp::tools {
namespace {

class MpiProcesses final : public Processes {
  public:
    MpiProcesses() {
        MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
        MPI_Comm_size(MPI_COMM_WORLD, &count_);
    }
    int rank() const override { return rank_; }
    int count() const override { return count_; }
    void exchange(int other, const void* send, void* receive, std::size_t bytes) override {
        constexpr std::size_t most = 1 << 30;  // MPI counts in int
        const auto* from = static_cast<const char*>(send);
        auto* to = static_cast<char*>(receive);
        for (std::size_t done = 0; done < bytes; done += most) {
            const int count = static_cast<int>(std::min(most, bytes - done));
            MPI_Sendrecv(from + done, count, MPI_BYTE, other, 0, to + done, count, MPI_BYTE, other, 0,
                         MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        }
    }
    void add_up(std::span<float> values) override { add_up(values, MPI_FLOAT); }
    void add_up(std::span<double> values) override { add_up(values, MPI_DOUBLE); }
    bool any(bool value) override {
        int own = value ? 1 : 0, all = 0;
        MPI_Allreduce(&own, &all, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
        return all != 0;
    }

  private:
    template <class T>
    static void add_up(std::span<T> values, MPI_Datatype type) {
        constexpr std::size_t most = 1 << 30;  // MPI counts in int
        for (std::size_t done = 0; done < values.size(); done += most)
            MPI_Allreduce(MPI_IN_PLACE, values.data() + done,
                          static_cast<int>(std::min(most, values.size() - done)), type, MPI_SUM,
                          MPI_COMM_WORLD);
    }

    int rank_ = 0, count_ = 1;
};

}  // namespace

struct JoinedProcesses::State {
    MpiProcesses processes;
    int errors = -1;  // standard error of a silent process
};

JoinedProcesses::JoinedProcesses() {
    if (launched_processes() == 0) return;  // MPI_Init would start a service of its own
    int threads = MPI_THREAD_SINGLE;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &threads);
    require(threads >= MPI_THREAD_SERIALIZED,
            "this MPI library can be called by one thread only; training needs MPI_THREAD_SERIALIZED");
    state_ = std::make_unique<State>();
    if (state_->processes.is_first()) return;
    state_->errors = dup(STDERR_FILENO);
    const int nothing = open("/dev/null", O_WRONLY);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    close(nothing);
}

JoinedProcesses::~JoinedProcesses() = default;

bool JoinedProcesses::launched() const { return state_ != nullptr; }

Processes& JoinedProcesses::all() { return state_ ? state_->processes : one_process(); }

int JoinedProcesses::run(const std::function<int()>& body) {
    if (all().is_first()) return body();
    try {
        return body();
    } catch (const std::exception& error) {
        std::this_thread::sleep_for(std::chrono::seconds(1));
        dup2(state_->errors, STDERR_FILENO);
        throw Error(fmt::format("process {} of {}: {}", all().rank() + 1, all().count(), error.what()));
    }
}

int JoinedProcesses::leave(int status) {
    if (!state_) return status;
    constexpr int interrupted = 130;
    if (status != 0 && status != interrupted && all().count() > 1) MPI_Abort(MPI_COMM_WORLD, status);
    MPI_Finalize();
    return status;
}

}  // namespace dnsp::tools
