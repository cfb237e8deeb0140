// Processes joined by MPI.
#include <fcntl.h>
#include <fmt/format.h>
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "base/counted.hpp"
#include "base/device/runtime.hpp"
#include "base/error.hpp"
#include "tools/processes/join.hpp"
#include "tools/processes/launcher.hpp"
#include "tools/processes/nccl.hpp"

namespace dnsp::tools {
namespace {

class MpiProcesses final : public Processes {
  public:
    MpiProcesses() {
        MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
        MPI_Comm_size(MPI_COMM_WORLD, &count_);
        MPI_Comm machine{};
        MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &machine);
        MPI_Comm_rank(machine, &rank_on_machine_);
        MPI_Comm_size(machine, &count_on_machine_);
        MPI_Comm_free(&machine);
    }
    int rank_on_machine() const { return rank_on_machine_; }
    int count_on_machine() const { return count_on_machine_; }
    int rank() const override { return rank_; }
    int count() const override { return count_; }
    void exchange(int other, const Tensor& send, const Tensor& receive) override {
        const Tensor from = send.to(Device{}), to = in_host_memory(receive);
        for (std::int64_t done = 0; done < std::max(from.elements(), to.elements()); done += most) {
            const auto [first, sent] = part(from, done);
            const auto [place, expected] = part(to, done);
            MPI_Sendrecv(first, sent, type(from), other, 0, place, expected, type(to), other, 0,
                         MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        }
        if (receive.device() != to.device()) receive.copy_from(to);
    }
    void add_up(const Tensor& values) override {
        const Tensor sum = values.to(Device{});
        for (std::int64_t done = 0; done < sum.elements(); done += most) {
            const auto [first, count] = part(sum, done);
            MPI_Allreduce(MPI_IN_PLACE, first, count, type(sum), MPI_SUM, MPI_COMM_WORLD);
        }
        if (values.device() != sum.device()) values.copy_from(sum);
    }
    bool any(bool value) override {
        int own = value ? 1 : 0, all = 0;
        MPI_Allreduce(&own, &all, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
        return all != 0;
    }

  private:
    static constexpr std::int64_t most = 1 << 30;  // MPI counts in int

    static MPI_Datatype type(const Tensor& values) {
        return values.dtype() == DType::float64 ? MPI_DOUBLE : MPI_FLOAT;
    }
    static Tensor in_host_memory(const Tensor& values) {
        return values.device() == Device{} ? values : Tensor::empty(values.shape(), values.dtype());
    }
    /// At most `most` elements from `first` on: address and number; none after the end.
    static std::pair<void*, int> part(const Tensor& values, std::int64_t first) {
        const std::int64_t count = std::clamp<std::int64_t>(values.elements() - first, 0, most);
        return dispatch(values.dtype(), [&]<class T>() -> std::pair<void*, int> {
            return {values.data<T>() + std::min(first, values.elements()), static_cast<int>(count)};
        });
    }

    int rank_ = 0, count_ = 1, rank_on_machine_ = 0, count_on_machine_ = 1;
};

}  // namespace

struct JoinedProcesses::State {
    MpiProcesses processes;
    std::unique_ptr<Processes> on_gpus;  // null: arrays on GPUs travel through the memory of the machines
    int errors = -1;                     // standard error of a silent process
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

int JoinedProcesses::on_this_machine() const { return state_ ? state_->processes.rank_on_machine() : 0; }

Processes& JoinedProcesses::all() {
    if (!state_) return one_process();
    return state_->on_gpus ? *state_->on_gpus : state_->processes;
}

std::string JoinedProcesses::connect(Device device) {
    if (!state_ || all().count() == 1) return "there is one process";
    MpiProcesses& processes = state_->processes;
    if (!processes.any(device.kind == DeviceKind::cuda)) return "gradients travel by MPI";
    std::string obstacle = nccl_obstacle();
    if (const int gpus = simt::device_count(); obstacle.empty() && gpus < processes.count_on_machine())
        obstacle = fmt::format("{} processes share {}", processes.count_on_machine(),
                               counted(static_cast<std::size_t>(gpus), "GPU"));
    if (obstacle.empty() && device.kind != DeviceKind::cuda) obstacle = "a process has no GPU";
    if (processes.any(!obstacle.empty()))
        return "gradients travel through the memory of the machines, by MPI: " +
               (obstacle.empty() ? "another process cannot use NCCL" : obstacle);
    state_->on_gpus = join_by_nccl(processes, device);
    return "gradients travel by " + nccl_version();
}

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
