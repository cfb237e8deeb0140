#pragma once

// Internals of the emulator: which thread of which block runs, and what the others wait for.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "kernels/simt/host/asynchronous_copies.hpp"
#include "kernels/simt/host/bulk_copies.hpp"
#include "kernels/simt/host/executor.hpp"
#include "kernels/simt/host/fibre.hpp"
#include "kernels/simt/host/global_memory_races.hpp"
#include "kernels/simt/host/race_detector.hpp"
#include "kernels/simt/host/thread_set.hpp"
#include "kernels/simt/host/warpgroup_products.hpp"

namespace dnsp::simt::host {

/// "(x,y,z)"
std::string text(uint3 index);

/// splitmix64: the same sequence with every standard library.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    /// A number in 0…count − 1; count < 2³².
    std::uint64_t below(std::uint64_t count) {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        z ^= z >> 31;
        return (z >> 32) * count >> 32;
    }

  private:
    std::uint64_t state_;
};

/// A lane's call of a warp operation. The addresses point into its stack.
struct WarpCall {
    unsigned mask;
    const char* operation;
    const void* mine;
    std::size_t bytes;
    void* everyone;

    bool meets(const WarpCall& other) const;
    /// True if accesses of a lane before it are ordered before accesses of the others after it.
    bool orders_memory() const;
};

enum class State { ready, at_barrier, in_warp_operation, in_wait_list, returned };

struct Thread {
    Fibre fibre;
    int number;  ///< index in the block
    uint3 index;
    State state;
    WarpCall call;
    const WaitList* list;  ///< list that it waits in
    AsynchronousCopies copies;
    BulkStores stores;
    ThreadProducts products;
    UnfencedWrites unfenced;

    /// The copies that it must wait for before it returns; null if there are none.
    const char* in_flight() const;
    void forget_what_is_in_flight();
};

struct Barrier {
    const char* operation;
    int waiting, predicates;
    int result;  ///< of the last completed barrier; some threads read it while others wait again
};

/// Runs the blocks of a launch one after the other. The threads of a block are fibres that take turns.
class Scheduler {
  public:
    void run(dim3 grid, dim3 block, std::size_t shared_bytes, void (*body)(void*), void* argument,
             const void* kernel);

    /// The running thread.
    Thread& thread() {
        if (!running_) throw Error("[CUDA emulator] called outside of a kernel");
        return *running_;
    }
    int synchronise_block(const char* operation, bool predicate);
    void exchange_in_warp(const WarpCall& call);
    int lane() { return thread().number % warpSize; }
    void enter_shared_array(void* elements, std::size_t bytes);
    void* dynamic_shared_bytes(std::size_t offset, std::size_t bytes);
    std::uint32_t shared_address(const void* pointer, std::size_t bytes);
    std::byte* at_shared_address(std::uint32_t address, std::size_t bytes);

    /// True for all addresses in shared memory if kernels report their accesses. May be called by any thread
    /// of the operating system.
    bool may_be_shared(const void* address) const {
        return dynamic_part_.holds(address) || static_part_.holds(address);
    }
    /// Called before each access of the running thread to an address that may be shared. Does not throw,
    /// because compilers assume that reports of accesses do not. In random order, other threads may run
    /// first.
    void note_access(Access kind, const std::byte* first, std::size_t bytes);
    /// Called before each access of the running thread to global memory in a launch that looks for races
    /// (watches_global_memory); other addresses are ignored. Does not throw.
    void note_global_access(Access kind, const std::byte* first, std::size_t bytes);
    /// The index of the block that runs as number `turn` of the launch, counted from 0.
    std::string name_of_block(std::uint64_t turn) const;
    uint3 index_of_thread(int number) const { return threads_[static_cast<std::size_t>(number)].index; }
    /// Null if the launch does not look for races.
    RaceDetector* races() { return detects_races_ ? &races_ : nullptr; }
    std::string kernel_name() const;

    /// Checks the writes of all threads of the block.
    bool has_unfenced_writes(const std::byte* first, std::size_t bytes) const;

    Barriers& barriers() { return barriers_; }
    WarpgroupProducts& warpgroup(std::size_t index) { return warpgroups_[index]; }
    /// Adds the running thread to the list. It waits from pause() on, unless the list is released before.
    void enlist(WaitList& list);
    void pause() { wait(); }
    void release(WaitList& list);

  private:
    /// A range of addresses.
    class Part {
      public:
        bool holds(const void* address) const {
            return reinterpret_cast<std::uintptr_t>(address) - begin_.load(std::memory_order_relaxed) <
                   bytes_.load(std::memory_order_relaxed);
        }
        void clear() { bytes_ = 0; }
        void extend(const void* first, std::size_t bytes);

      private:
        std::atomic<std::uintptr_t> begin_ = 0;
        std::atomic<std::size_t> bytes_ = 0;
    };

    void run_blocks(std::uint64_t blocks);
    void run_block();
    void start_block();
    static void thread_main();
    void return_from_thread();
    void wait();
    Fibre& choose_next();
    int choose_thread();
    std::uint64_t choose_block(std::uint64_t turn, std::uint64_t blocks) const;
    uint3 index_of_block(std::uint64_t turn) const;
    std::uint64_t blocks() const { return std::uint64_t(gridDim.x) * gridDim.y * gridDim.z; }
    static bool waits_with(const WarpCall& call, int caller, const Thread* lanes, unsigned others);
    static void deliver(const WarpCall& last, const Thread* lanes);
    std::string describe_stall() const;

    std::mutex one_launch_;
    ThreadOrder order_;
    Random random_{0};

    // State of the launch.
    void (*body_)(void*) = nullptr;
    void* argument_ = nullptr;
    const void* kernel_ = nullptr;
    bool detects_races_ = false;
    int thread_count_ = 0;
    std::unique_ptr<std::byte[]> dynamic_shared_;
    std::size_t dynamic_shared_bytes_ = 0;
    std::vector<std::uint64_t> random_blocks_;

    // State of the block.
    std::unique_ptr<Thread[]> threads_ = std::make_unique<Thread[]>(ThreadSet::capacity);
    Fibre launcher_;
    Thread* running_ = nullptr;
    ThreadSet ready_;
    std::array<unsigned, ThreadSet::capacity / warpSize>
        waiting_lanes_{};  ///< per warp, lanes in warp operations
    Barrier barrier_{};
    Barriers barriers_;
    std::array<WarpgroupProducts, ThreadSet::capacity / 128> warpgroups_;
    std::size_t static_shared_bytes_ = 0;
    int returned_ = 0;
    std::exception_ptr error_;

    RaceDetector races_;
    GlobalMemoryRaces global_races_{races_.order};
    Part dynamic_part_, static_part_;
    std::uint64_t accesses_until_preemption_ = 1;
};

/// True for the thread of the operating system that runs a launch that looks for races.
extern thread_local bool watches_global_memory;

/// True if the compiler made the kernels report their accesses (instrumentation.cpp).
extern bool kernels_report_accesses;

extern Scheduler scheduler;

}  // namespace dnsp::simt::host
