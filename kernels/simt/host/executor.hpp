#pragma once

// The CUDA emulator runs the source of a CUDA kernel without a GPU. Every thread of a block is a fibre, which
// runs until it waits at a barrier or in a warp operation. Blocks run one after the other.
//
// Modelled:
// - Grids and blocks of up to three dimensions, within GPU limits: 1024 threads, and the shared memory of the
//   device that is emulated (emulate_device() in base/device/runtime.hpp). Instructions that this device does
//   not have are errors.
// - Static and dynamic shared memory, private to a block, filled with NaN (bytes 0xFF) when the block starts.
//   Indices of SharedArray and SharedSpan are checked. Dynamic shared memory is a heap allocation of the
//   requested size, so AddressSanitizer finds overruns by raw pointers.
// - __syncthreads and its three reductions. A deadlocked block is an error that lists who waits where.
// - Warps of 32 lanes; the last one may be partial. The lanes of a mask meet in the same operation with the
//   same mask. Other lanes proceed independently.
// - Asynchronous copies. A copy lands only when its thread waits for it, so reading too early gives the old
//   value. A copy without a wait is an error.
// - Bulk tensor copies, mbarriers, named barriers and wgmma (bulk_copies.hpp, warpgroup_products.hpp).
// - Integer atomics.
// - The order of threads and blocks: set_order(). Results must not depend on it. In random order, threads are
//   also interrupted before random accesses to shared memory.
// - Races in shared memory (race_detector.hpp), fences between memory proxies, and races in global memory
//   (global_memory_races.hpp).
// Interruptions and races need a compiler that reports the accesses of kernels, which AddressSanitizer
// precludes.
//
// Not modelled; check on a GPU with compute-sanitizer:
// - Registers released by setmaxnreg.
// - Memory ordering: every write is visible at once, so a missing __threadfence goes unnoticed.
// - Spinning on a flag of another thread never ends.
// - Lockstep warps: lanes advance independently between operations that name them, as CUDA permits since
//   Volta.
// - `__shared__` variables other than SharedArray: usable, but neither filled nor checked.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "base/device/host/stream.hpp"
#include "kernels/simt/host/vector_types.hpp"

// As in CUDA, for the running thread. Read-only.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace dnsp::simt::host {

// ---- Launching

/// Runs `body()` once for every thread of the grid. Rethrows what a thread throws. Throws dnsp::Error for a
/// deadlock, and for what a GPU would refuse. Launches from several OS threads run one after the other. A
/// kernel cannot launch another. run_grid() is not captured in graphs; launch() is (launch.cuh).
/// `kernel` names the kernel in messages; may be null.
void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes, void (*body)(void*), void* argument,
              const void* kernel = nullptr);

template <class Body>
void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes, Body body, const void* kernel = nullptr) {
    run_grid(
        grid, block, shared_bytes, [](void* argument) { (*static_cast<Body*>(argument))(); }, &body, kernel);
}

// ---- For the running thread

/// Throws dnsp::Error; the message begins with the indices of the running block and thread.
[[noreturn]] void fail(const std::string& what);

/// Throws if the emulated device has less than this compute capability.
void require_capability(int at_least, const char* instruction);

/// Throws if the emulated device does not have compute capability 9.0: later devices lack these instructions.
void require_hopper(const char* instruction);

/// Waits for all threads of the block, which must name the same operation. Returns the number of true
/// predicates.
int synchronise_block(const char* operation, bool predicate);

/// Lane of the running thread, 0…31.
int lane();

/// Waits for all lanes of the mask, which must name the same operation, mask and size. Then everyone[i] is
/// the `mine` of lane i (`bytes` bytes), for every lane of the mask.
void exchange_in_warp(unsigned mask, const char* operation, const void* mine, std::size_t bytes,
                      void* everyone);

/// The primitive of all warp operations: the value of each lane of the mask, T{} for other lanes.
template <class T>
std::array<T, 32> warp_exchange(unsigned mask, const char* operation, const T& mine) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::array<T, 32> everyone{};
    exchange_in_warp(mask, operation, &mine, sizeof(T), everyone.data());
    return everyone;
}

// ---- Asynchronous copies into shared memory, in groups, as with cp.async. A thread waits only for its
// copies.

/// Starts a copy of `bytes` bytes. Bytes from `zero_filled_from` on are set to zero and not read. Both
/// addresses must be aligned to the largest of 16, 8, 4 … that divides `bytes`.
void queue_copy(void* shared_target, const void* source, std::size_t bytes, std::size_t zero_filled_from);
/// Groups the copies started since the last call.
void commit_copies();
/// Completes all groups except the last `groups_that_may_remain`.
void wait_copies(int groups_that_may_remain);
/// Completes all copies, whether grouped or not.
void wait_all_copies();

// ---- Shared memory

[[noreturn]] void fail_bounds(long long index, long long extent);

inline void check_bounds(long long index, long long extent) {
    if (index < 0 || index >= extent) [[unlikely]]
        fail_bounds(index, extent);
}

/// The running block's number among all blocks ever run.
extern std::uint64_t running_block;

/// Fills a static shared array on its first use in the running block and counts its bytes.
void enter_shared_array(void* elements, std::size_t bytes);

/// Must be called on every use. `entered` belongs to the array and holds the last block that used it.
inline void use_shared_array(void* elements, std::size_t bytes, std::uint64_t& entered) {
    if (entered == running_block) [[likely]]
        return;
    enter_shared_array(elements, bytes);
    entered = running_block;
}

/// Must be called before an atomic operation.
void note_atomic(const void* address, std::size_t bytes);

/// `bytes` bytes of the block's dynamic shared memory. Throws if the launch requested less.
void* dynamic_shared_bytes(std::size_t offset, std::size_t bytes);

}  // namespace dnsp::simt::host
