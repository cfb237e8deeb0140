// A build without a CUDA backend: there is no device, and the other functions are unreachable.
#include "base/device/runtime.hpp"

#include "base/error.hpp"

namespace dnsp::simt {
namespace {

[[noreturn]] void refuse() { throw Error("[cuda] " + unavailable_reason()); }

}  // namespace

int device_count() { return 0; }
std::string unavailable_reason() { return "this build has no CUDA backend"; }
std::string device_description(int) { refuse(); }
bool is_emulator() { return false; }
int thread_orders() { return 1; }
const char* use_thread_order(int) { return "as it comes"; }
void select_device(int) { refuse(); }
int compute_capability() { refuse(); }
int multiprocessor_count() { refuse(); }
std::size_t max_shared_memory_per_block() { refuse(); }
bool emulate_device(const DeviceModel&) { return false; }
std::size_t free_memory() { refuse(); }
void* allocate(std::size_t) { refuse(); }
void release(void*) noexcept {}
void copy_to_device(void*, const void*, std::size_t) { refuse(); }
void copy_to_host(void*, const void*, std::size_t) { refuse(); }
void copy_on_device(void*, const void*, std::size_t) { refuse(); }
void synchronise() { refuse(); }
void* current_stream() { refuse(); }
struct OwnStream::State {};
OwnStream::OwnStream() { refuse(); }
OwnStream::~OwnStream() = default;
struct Event::State {};
Event::Event() { refuse(); }
Event::~Event() = default;
void Event::wait() const { refuse(); }

struct Graph::State {};
Graph::Graph(const std::function<void()>&) { refuse(); }
Graph::~Graph() = default;
void Graph::launch() { refuse(); }
std::size_t Graph::size() const { refuse(); }

}  // namespace dnsp::simt
