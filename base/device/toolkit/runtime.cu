#include "base/device/runtime.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <new>
#include <utility>

#include "base/device/capture.hpp"
#include "base/device/toolkit/check.hpp"

namespace dnsp::simt {
namespace {

volatile std::uint64_t* written_by_watchdog = nullptr;

int selected_device() {
    int device = 0;
    CUDA_CHECK(cudaGetDevice(&device));
    return device;
}

thread_local cudaStream_t own_stream = nullptr;

/// The stream of this thread, or that of the selected device.
cudaStream_t stream() {
    if (own_stream) return own_stream;
    // Never destroyed: the driver may be unloaded before static objects are.
    static auto& streams = *new std::map<int, cudaStream_t>;
    static auto& mutex = *new std::mutex;
    const int device = selected_device();
    std::lock_guard lock(mutex);
    const auto [place, is_new] = streams.try_emplace(device, nullptr);
    if (is_new) {
        try {
            CUDA_CHECK(cudaStreamCreateWithFlags(&place->second, cudaStreamNonBlocking));
        } catch (...) {
            streams.erase(place);
            throw;
        }
    }
    return place->second;
}

/// Returns cudaSuccess if a device can be used. Clears the error state of the runtime.
cudaError_t count_devices(int* count) {
    const cudaError_t error = cudaGetDeviceCount(count);
    if (error == cudaSuccess) return *count > 0 ? cudaSuccess : cudaErrorNoDevice;
    *count = 0;
    cudaGetLastError();
    return error;
}

/// 12080 → "12.8".
std::string version_text(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

}  // namespace

std::uint64_t* watchdog_word() {
    static std::uint64_t* const word = [] {
        void* memory = nullptr;
        CUDA_CHECK(cudaHostAlloc(&memory, sizeof(std::uint64_t), cudaHostAllocPortable));
        auto* const zero = new (memory) std::uint64_t(0);
        written_by_watchdog = zero;
        return zero;
    }();
    return word;
}

void throw_cuda_error(cudaError_t error, const std::string& what) {
    cudaGetLastError();
    const std::string report = written_by_watchdog ? watchdog_text(*written_by_watchdog) : "";
    throw Error(std::string("[cuda] ") + cudaGetErrorString(error) + ": " + what +
                (report.empty() ? "" : "; " + report));
}

int device_count() {
    int count = 0;
    count_devices(&count);
    return count;
}

std::string unavailable_reason() {
    int count = 0;
    const cudaError_t error = count_devices(&count);
    if (error == cudaSuccess) return "";
    if (error == cudaErrorInsufficientDriver) {
        // The runtime reports a missing driver as an old one.
        int driver = 0;
        if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) return "no CUDA driver is installed";
        return "the installed driver supports CUDA " + version_text(driver) + ", this build needs CUDA " +
               version_text(CUDART_VERSION);
    }
    return std::string("no CUDA device can be used: ") + cudaGetErrorString(error);
}

std::string device_description(int index) {
    cudaDeviceProp device;
    CUDA_CHECK(cudaGetDeviceProperties(&device, index));
    return std::string(device.name) + ", compute capability " + std::to_string(device.major) + "." +
           std::to_string(device.minor) + ", " + std::to_string(device.totalGlobalMem >> 30) + " GiB";
}

bool is_emulator() { return false; }
int thread_orders() { return 1; }
const char* use_thread_order(int) { return "the device's"; }

void select_device(int index) { CUDA_CHECK(cudaSetDevice(index)); }

int compute_capability() {
    int major = 0, minor = 0;
    const int device = selected_device();
    CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    CUDA_CHECK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
    return 10 * major + minor;
}

int multiprocessor_count() {
    int count = 0;
    CUDA_CHECK(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, selected_device()));
    return count;
}

std::size_t max_shared_memory_per_block() {
    int bytes = 0;
    CUDA_CHECK(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, selected_device()));
    return static_cast<std::size_t>(bytes);
}

bool emulate_device(const DeviceModel&) { return false; }

std::size_t free_memory() {
    std::size_t free = 0, total = 0;
    CUDA_CHECK(cudaMemGetInfo(&free, &total));
    return free;
}

void* allocate(std::size_t bytes) {
    require_not_capturing("an allocation");
    void* memory = nullptr;
    const cudaError_t error = cudaMalloc(&memory, std::max<std::size_t>(bytes, 1));
    if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        return nullptr;
    }
    CUDA_CHECK(error);
    return memory;
}

void release(void* memory) noexcept {
    if (cudaFree(memory) != cudaSuccess) cudaGetLastError();
}

void copy_to_device(void* device, const void* host, std::size_t bytes) {
    require_not_capturing("a copy from the host");
    if (bytes == 0) return;
    CUDA_CHECK(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream()));
    synchronise();
}

void copy_to_host(void* host, const void* device, std::size_t bytes) {
    require_not_capturing("a copy to the host");
    if (bytes == 0) return;
    CUDA_CHECK(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream()));
    synchronise();
}

void copy_on_device(void* target, const void* source, std::size_t bytes) {
    if (bytes == 0) return;
    CUDA_CHECK(cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToDevice, stream()));
}

void synchronise() {
    require_not_capturing("waiting for the device");
    const cudaError_t error = cudaStreamSynchronize(stream());
    if (error == cudaSuccess) return;
    throw_cuda_error(error,
                     "work on the device failed; DNSP_CUDA_SYNC=1 in the environment names the kernel");
}

void* current_stream() { return stream(); }

struct OwnStream::State {
    State() { CUDA_CHECK(cudaStreamCreateWithFlags(&own_stream, cudaStreamNonBlocking)); }
    ~State() {
        if (cudaStreamDestroy(own_stream) != cudaSuccess) cudaGetLastError();
        own_stream = nullptr;
    }
};
OwnStream::OwnStream() : state_(new State) {}
OwnStream::~OwnStream() = default;

struct Event::State {
    cudaEvent_t event = nullptr;
    ~State() {
        if (event && cudaEventDestroy(event) != cudaSuccess) cudaGetLastError();
    }
};
Event::Event() : state_(new State) {
    CUDA_CHECK(cudaEventCreateWithFlags(&state_->event, cudaEventDisableTiming));
    CUDA_CHECK(cudaEventRecord(state_->event, stream()));
}
Event::~Event() = default;
void Event::wait() const { CUDA_CHECK(cudaStreamWaitEvent(stream(), state_->event)); }

// ---- Graphs

struct Graph::State {
    cudaGraphExec_t graph = nullptr;
    std::size_t size = 0;
    ~State() {
        if (graph) cudaGraphExecDestroy(graph);
    }
};

namespace {

/// The captured graph, destroyed on every exit.
struct Recording {
    cudaGraph_t graph = nullptr;
    ~Recording() {
        if (graph) cudaGraphDestroy(graph);
    }
};

}  // namespace

Graph::Graph(const std::function<void()>& work) : state_(new State) {
    const Capturing capturing;
    Recording recording;
    CUDA_CHECK(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal));
    try {
        work();
    } catch (...) {
        // End the capture, or the stream would stay in capture mode. Drop the error of the invalid capture,
        // so that no later call finds it.
        cudaStreamEndCapture(stream(), &recording.graph);
        cudaGetLastError();
        throw;
    }
    CUDA_CHECK(cudaStreamEndCapture(stream(), &recording.graph));
    CUDA_CHECK(cudaGraphGetNodes(recording.graph, nullptr, &state_->size));
    CUDA_CHECK(cudaGraphInstantiate(&state_->graph, recording.graph, 0));
}

Graph::~Graph() = default;

void Graph::launch() {
    require_not_capturing("the launch of a graph");
    CUDA_CHECK(cudaGraphLaunch(state_->graph, stream()));
    if (waits_for_each_kernel()) CUDA_CHECK(cudaStreamSynchronize(stream()));
}

std::size_t Graph::size() const { return state_->size; }

}  // namespace dnsp::simt
