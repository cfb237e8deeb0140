#pragma once

// The stream of the CUDA emulator (kernels/simt/host), and the order in which it runs threads.
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace dnsp::simt::host {

/// While this thread records a graph, the calls recorded so far; otherwise null.
extern thread_local std::vector<std::function<void()>>* recording;

/// Runs `call`, or records it if this thread records a graph. For all work that a stream would execute.
/// `call` holds copies of its arguments: it may run later, and more than once.
template <class Call>
void run_or_record(Call call) {
    if (recording)
        recording->push_back(std::move(call));
    else
        call();
}

/// Which runnable thread runs next, at the start and whenever a thread waits or returns: the one with the
/// lowest index, with the highest index, or a random one. Blocks follow one another in the same order.
enum class Order { forward, reverse, random };

struct ThreadOrder {
    Order order = Order::forward;
    std::uint64_t seed = 0;     ///< of the random order
    std::uint64_t changes = 0;  ///< calls of set_order()
};
ThreadOrder thread_order();

/// Takes effect at the next launch.
void set_order(Order order, std::uint64_t seed = 0);

}  // namespace dnsp::simt::host
