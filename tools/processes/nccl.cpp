// Arrays on GPUs sent by NCCL.
#include <fmt/format.h>
#include <nccl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/device/dynamic_library.hpp"
#include "base/device/runtime.hpp"
#include "base/error.hpp"
#include "tools/processes/nccl.hpp"

namespace dnsp::tools {
namespace {

simt::DynamicLibrary& nccl() {
    static simt::DynamicLibrary library("NCCL", {"libnccl.so.2"});
    return library;
}

/// Calls a function of the library. Throws Error with the library's own words if it fails.
#define NCCL(name, ...)                                                                   \
    do {                                                                                  \
        static const auto function = nccl().function<decltype(nccl##name)>("nccl" #name); \
        if (const ncclResult_t result = function(__VA_ARGS__); result != ncclSuccess)     \
            throw Error(fmt::format("[nccl] nccl" #name ": {}", text_of(result)));        \
    } while (false)

std::string text_of(ncclResult_t result) {
    return nccl().function<decltype(ncclGetErrorString)>("ncclGetErrorString")(result);
}

ncclDataType_t type(const Tensor& values) {
    return values.dtype() == DType::float64 ? ncclFloat64 : ncclFloat32;
}

void* address(const Tensor& values) {
    return dispatch(values.dtype(), [&]<class T>() -> void* { return values.data<T>(); });
}

std::size_t size(const Tensor& values) { return static_cast<std::size_t>(values.elements()); }

cudaStream_t stream() { return static_cast<cudaStream_t>(simt::current_stream()); }

/// Makes an identifier in the first process and gives it to all: the sum of its bytes and of zeros.
ncclUniqueId common_identifier(Processes& processes) {
    std::array<unsigned char, sizeof(ncclUniqueId)> bytes{};
    ncclUniqueId id{};
    if (processes.is_first()) NCCL(GetUniqueId, &id);
    std::memcpy(bytes.data(), &id, sizeof id);
    const auto sum =
        Tensor::from<double>({std::ssize(bytes)}, std::vector<double>(bytes.begin(), bytes.end()));
    processes.add_up(sum);
    std::ranges::transform(sum.to_vector<double>(), bytes.begin(),
                           [](double value) { return static_cast<unsigned char>(value); });
    std::memcpy(&id, bytes.data(), sizeof id);
    return id;
}

class NcclProcesses final : public Processes {
  public:
    NcclProcesses(Processes& hosts, Device device) : hosts_(hosts) {
        simt::select_device(device.index);
        NCCL(CommInitRank, &communicator_, hosts.count(), common_identifier(hosts), hosts.rank());
    }
    ~NcclProcesses() override {
        nccl().function<decltype(ncclCommDestroy)>("ncclCommDestroy")(communicator_);
    }
    NcclProcesses(const NcclProcesses&) = delete;
    NcclProcesses& operator=(const NcclProcesses&) = delete;

    int rank() const override { return hosts_.rank(); }
    int count() const override { return hosts_.count(); }
    bool any(bool value) override { return hosts_.any(value); }

    void exchange(int other, const Tensor& send, const Tensor& receive) override {
        if (send.device().kind == DeviceKind::cpu) return hosts_.exchange(other, send, receive);
        // As a group, so that neither waits for the other.
        NCCL(GroupStart);
        NCCL(Send, address(send), size(send), type(send), other, communicator_, stream());
        NCCL(Recv, address(receive), size(receive), type(receive), other, communicator_, stream());
        NCCL(GroupEnd);
    }

    void add_up(const Tensor& values) override {
        if (values.device().kind == DeviceKind::cpu) return hosts_.add_up(values);
        NCCL(AllReduce, address(values), address(values), size(values), type(values), ncclSum, communicator_,
             stream());
    }

  private:
    Processes& hosts_;
    ncclComm_t communicator_ = nullptr;
};

}  // namespace

std::string nccl_obstacle() { return nccl().unavailable_reason(); }

std::string nccl_version() {
    int version = 0;  // 22703: 2.27.3
    NCCL(GetVersion, &version);
    return fmt::format("NCCL {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

std::unique_ptr<Processes> join_by_nccl(Processes& hosts, Device device) {
    return std::make_unique<NcclProcesses>(hosts, device);
}

}  // namespace dnsp::tools
