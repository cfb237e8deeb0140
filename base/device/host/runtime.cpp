#include "base/device/runtime.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <new>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/device/capture.hpp"
#include "base/device/host/stream.hpp"
#include "base/error.hpp"

namespace dnsp::simt {
namespace {

// Emulated device memory: enough for tests, and small enough to exhaust in a test.
constexpr std::size_t capacity = std::size_t(4) << 30;
constexpr std::align_val_t alignment{256};

struct DeviceMemory {
    std::mutex mutex;
    std::unordered_map<void*, std::size_t> blocks;
    std::size_t in_use = 0;
};

DeviceMemory& device_memory() {
    static auto* instance = new DeviceMemory;  // never destroyed: static objects may hold device memory
    return *instance;
}

std::mutex order_mutex;
host::ThreadOrder current_order;
DeviceModel current_model;

bool races_are_wanted() {
    const char* value = std::getenv("DNSP_RACES");
    return !value || std::string_view(value) != "0";
}
std::atomic<bool> detects_races = races_are_wanted();

void require_only_device(int index) {
    require(index == 0, "[device] the CUDA emulator has device 0 only, asked for " + std::to_string(index));
}

}  // namespace

int device_count() { return 1; }
std::string unavailable_reason() { return ""; }
std::string device_description(int index) {
    require_only_device(index);
    return "CUDA emulator: every kernel runs on this machine's processor, for tests";
}
bool is_emulator() { return true; }

int thread_orders() { return 3; }
const char* use_thread_order(int index) {
    constexpr std::uint64_t seed = 20260101;
    constexpr std::array names{"forward", "reverse", "random"};
    const char* name = names.at(static_cast<std::size_t>(index));
    host::set_order(static_cast<host::Order>(index), seed);
    return name;
}

host::ThreadOrder host::thread_order() {
    std::lock_guard lock(order_mutex);
    return current_order;
}

void host::set_order(Order order, std::uint64_t seed) {
    std::lock_guard lock(order_mutex);
    current_order = {order, seed, current_order.changes + 1};
}

bool host::race_detection() { return detects_races; }
void host::set_race_detection(bool on) { detects_races = on; }

std::vector<std::pair<const std::byte*, std::size_t>> host::device_allocations() {
    auto& [mutex, blocks, in_use] = device_memory();
    std::lock_guard lock(mutex);
    std::vector<std::pair<const std::byte*, std::size_t>> all;
    for (const auto& [begin, bytes] : blocks) all.emplace_back(static_cast<const std::byte*>(begin), bytes);
    return all;
}

void select_device(int index) { require_only_device(index); }
int compute_capability() { return current_model.compute_capability; }
int multiprocessor_count() { return current_model.multiprocessors; }
std::size_t max_shared_memory_per_block() { return current_model.max_shared_memory_per_block; }
bool emulate_device(const DeviceModel& model) {
    current_model = model;
    return true;
}

std::size_t free_memory() {
    std::lock_guard lock(device_memory().mutex);
    return capacity - device_memory().in_use;
}

void* allocate(std::size_t bytes) {
    require_not_capturing("an allocation");
    auto& [mutex, blocks, in_use] = device_memory();
    std::lock_guard lock(mutex);
    if (bytes > capacity - in_use) return nullptr;
    void* memory = ::operator new(bytes, alignment, std::nothrow);
    if (!memory) return nullptr;
    std::memset(memory, 0xFF, bytes);  // NaN, so that reads of uninitialised memory show
    blocks.emplace(memory, bytes);
    in_use += bytes;
    return memory;
}

void release(void* memory) noexcept {
    auto& [mutex, blocks, in_use] = device_memory();
    std::lock_guard lock(mutex);
    const auto block = blocks.find(memory);
    if (block == blocks.end()) return;
    in_use -= block->second;
    blocks.erase(block);
    ::operator delete(memory, alignment);
}

void copy_to_device(void* device, const void* host, std::size_t bytes) {
    require_not_capturing("a copy from the host");
    if (bytes > 0) std::memcpy(device, host, bytes);
}
void copy_to_host(void* host, const void* device, std::size_t bytes) {
    require_not_capturing("a copy to the host");
    if (bytes > 0) std::memcpy(host, device, bytes);
}
void copy_on_device(void* target, const void* source, std::size_t bytes) {
    if (bytes > 0) host::run_or_record([=] { std::memcpy(target, source, bytes); });
}

void synchronise() { require_not_capturing("waiting for the device"); }
void* current_stream() { return nullptr; }
struct OwnStream::State {};
OwnStream::OwnStream() = default;
OwnStream::~OwnStream() = default;
struct Event::State {};
Event::Event() = default;
Event::~Event() = default;
void Event::wait() const {}

// ---- Graphs

thread_local std::vector<std::function<void()>>* host::recording = nullptr;

struct Graph::State {
    std::vector<std::function<void()>> calls;
};

Graph::Graph(const std::function<void()>& work) : state_(new State) {
    const Capturing capturing;
    host::recording = &state_->calls;
    try {
        work();
    } catch (...) {
        host::recording = nullptr;
        throw;
    }
    host::recording = nullptr;
}

Graph::~Graph() = default;

void Graph::launch() {
    require_not_capturing("the launch of a graph");
    for (const auto& call : state_->calls) call();
}

std::size_t Graph::size() const { return state_->calls.size(); }

}  // namespace dnsp::simt
