#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

// Devices, memory, the stream and graphs. One of three files implements them: toolkit/runtime.cu (the CUDA
// runtime), host/runtime.cpp (the CUDA emulator: device memory is host memory, every call is synchronous) or
// none/runtime.cpp (a build without a CUDA backend: no device, everything else throws).
namespace dnsp::simt {

/// Number of usable devices.
int device_count();

/// The reason if device_count() is 0: "this build has no CUDA backend", "no CUDA driver is installed" …
std::string unavailable_reason();

/// "NVIDIA H100 80GB HBM3, compute capability 9.0, 79 GiB", or a description of the CUDA emulator.
std::string device_description(int index);

/// True if kernels run in the CUDA emulator.
bool is_emulator();

/// Number of orders in which blocks and threads can be run, for tests: 1 on a device; 3 in the CUDA emulator
/// (forward, reverse, random). No result may depend on the order. use_thread_order() selects one and returns
/// its name.
int thread_orders();
const char* use_thread_order(int index);

/// Selects the device that all later calls of this thread use.
void select_device(int index);

/// Compute capability of the selected device as one number: 80, 90 …
int compute_capability();

/// Number of SMs of the selected device.
int multiprocessor_count();

/// Largest shared memory of a block of the selected device, static and dynamic together, in bytes, for
/// kernels that ask for more than 48 KiB (cudaDevAttrMaxSharedMemoryPerBlockOptin).
std::size_t max_shared_memory_per_block();

/// The properties of a device that decide which kernels are launched, and how.
struct DeviceModel {
    int compute_capability = 90;
    int multiprocessors = 2;
    std::size_t max_shared_memory_per_block = 227 << 10;
};

/// For tests: from now on, the CUDA emulator is a device with these properties. It refuses launches and
/// instructions that such a device does not have. Initially it is DeviceModel{}. Returns false and does
/// nothing on a device. Precondition: no kernel is running.
bool emulate_device(const DeviceModel& model);

/// The model of NVIDIA's devices of a compute capability: 75, 80, 86, 87, 89, 90, 100, 103, 120 or 121.
/// Throws Error for others.
DeviceModel device_model(int compute_capability, int multiprocessors = 2);

/// Bytes free on the selected device.
std::size_t free_memory();

/// Returns uninitialised memory of the selected device, aligned to 256 bytes, or null if there is not enough.
void* allocate(std::size_t bytes);
void release(void* memory) noexcept;

/// Copies in stream order. Copies from and to the host return when the host memory may be reused or read.
void copy_to_device(void* device, const void* host, std::size_t bytes);
void copy_to_host(void* host, const void* device, std::size_t bytes);
void copy_on_device(void* target, const void* source, std::size_t bytes);

/// Waits for all work started so far. Throws Error if any of it failed.
void synchronise();

/// The cudaStream_t that kernels are launched on; null in the CUDA emulator. One for each device, unless this
/// thread has an OwnStream.
void* current_stream();

/// A stream for this thread alone, as long as the object lives: all calls of the thread use it. Its work may
/// overlap with that of the device's stream, unless an Event orders them. The arena reuses memory in the
/// order of the device's stream, so an OwnStream must only use memory that was allocated before such an
/// event, and that is released after the device's stream has waited for the OwnStream.
class OwnStream {
  public:
    OwnStream();
    ~OwnStream();
    OwnStream(const OwnStream&) = delete;
    OwnStream& operator=(const OwnStream&) = delete;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The end of all work that was started on the current stream before the constructor.
class Event {
  public:
    Event();
    ~Event();
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    /// What this thread starts from now on begins after the event. The thread itself does not wait.
    void wait() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A CUDA graph: the work that `work` starts on the current stream, captured once and launched any number of
/// times. The constructor calls `work` once. Nothing is executed then: kernels are captured with their grids
/// and arguments, together with copies on the device. Throws CaptureError for system allocations, copies from
/// and to the host, synchronisation and cuSOLVER; the stream is then as before. Precondition: all memory that
/// the captured work uses outlives the graph (engine/graph.hpp ensures it).
class Graph {
  public:
    explicit Graph(const std::function<void()>& work);
    ~Graph();
    Graph(const Graph&) = delete;
    Graph& operator=(const Graph&) = delete;
    void launch();
    /// Number of captured operations: kernels, copies, and in the CUDA emulator library calls.
    std::size_t size() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace dnsp::simt
