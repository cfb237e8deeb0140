#pragma once

// The stream of the CUDA emulator (kernels/simt/host) and its thread order.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace dnsp::simt::host {

/// The calls captured so far if this thread captures a graph, else null.
extern thread_local std::vector<std::function<void()>>* recording;

/// Runs `call`, or appends it to the graph that this thread captures. For all work that a stream executes.
/// `call` must hold copies of its arguments, because it may run later and more than once.
template <class Call>
void run_or_record(Call call) {
    if (recording)
        recording->push_back(std::move(call));
    else
        call();
}

/// Selects the next thread to run, at the start and whenever a thread waits or returns: the runnable thread
/// with the lowest index, the highest index, or a random one. Blocks run in the same order.
enum class Order { forward, reverse, random };

struct ThreadOrder {
    Order order = Order::forward;
    std::uint64_t seed = 0;     ///< of Order::random
    std::uint64_t changes = 0;  ///< number of calls of set_order()
};
ThreadOrder thread_order();

/// Takes effect at the next launch.
void set_order(Order order, std::uint64_t seed = 0);

/// Whether launches look for races in shared memory (kernels/simt/host/race_detector.hpp) and global memory
/// (kernels/simt/host/global_memory_races.hpp): true, unless the environment variable DNSP_RACES is 0.
bool race_detection();
/// Takes effect at the next launch.
void set_race_detection(bool on);

/// The memory that the device has allocated: addresses and sizes in bytes.
std::vector<std::pair<const std::byte*, std::size_t>> device_allocations();

}  // namespace dnsp::simt::host
