#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

// Devices, memory, the stream and graphs. Linked from one of three places: toolkit/runtime.cu (the CUDA
// runtime), host/runtime.cpp (the CUDA emulator: device memory is host memory, every call is immediate) or
// none/runtime.cpp (a build without a CUDA backend: no device, everything else throws).
namespace dnsp::simt {

/// Number of devices that can be used now.
int device_count();

/// Why device_count() is 0, as half a sentence: "this build has no CUDA backend", "no CUDA driver is
/// installed" …
std::string unavailable_reason();

/// "NVIDIA H100 80GB HBM3, compute capability 9.0, 79 GiB", or that it is the CUDA emulator.
std::string device_description(int index);

/// Whether kernels run in the CUDA emulator.
bool is_emulator();

/// The orders of blocks and threads that kernels can be made to run in, which no result may depend on: one on
/// a device, its own; forward, reverse and random in the CUDA emulator. Returns the order's name.
int thread_orders();
const char* use_thread_order(int index);

/// Makes a device the one that all that follows in this thread refers to.
void select_device(int index);

/// Of the selected device, as one number: 80, 90 …; 90 in the CUDA emulator.
int compute_capability();

/// Of the selected device; 2 in the CUDA emulator.
int multiprocessor_count();

/// Bytes free on the selected device.
std::size_t free_memory();

/// Uninitialised memory of the selected device, aligned to 256 bytes; null when there is not enough.
void* allocate(std::size_t bytes);
void release(void* memory) noexcept;

/// In the order of the stream. The copies from and to the host return when the host memory may be reused or
/// read.
void copy_to_device(void* device, const void* host, std::size_t bytes);
void copy_to_host(void* host, const void* device, std::size_t bytes);
void copy_on_device(void* target, const void* source, std::size_t bytes);

/// Waits for everything started so far; reports what went wrong in it.
void synchronise();

/// The stream that kernels are launched on: a cudaStream_t, null in the CUDA emulator.
void* current_stream();

/// The work that `work` starts on the current stream, recorded once and started with one call as often as
/// wanted. `work` is called once and nothing that it starts is executed then: kernels with the grids and
/// arguments of that call, and copies on the device. Allocating from the system, copies from and to the host,
/// waiting, and cuSOLVER are a CaptureError, after which the stream is as before. The memory that was named
/// must be there for as long as the graph is (engine/graph.hpp sees to it).
class Graph {
  public:
    explicit Graph(const std::function<void()>& work);
    ~Graph();
    Graph(const Graph&) = delete;
    Graph& operator=(const Graph&) = delete;
    void launch();
    /// Pieces of work that a launch starts: kernels, copies, calls of libraries in the CUDA emulator.
    std::size_t size() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace dnsp::simt
