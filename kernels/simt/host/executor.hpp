#pragma once

// The CUDA emulator runs the source of a CUDA kernel where there is no GPU: every thread of a block is a
// fibre, which runs until it waits at a barrier or in a warp operation. Blocks follow one another.
//
// What is modelled
//   - grids and blocks of up to three dimensions, within the limits of a GPU: 1024 threads, 227 KiB of
//     shared memory;
//   - shared memory, static and dynamic, private to a block and full of NaN (every byte 0xFF) when the
//     block starts. Every index of a SharedArray or SharedSpan is checked. Dynamic shared memory is a heap
//     block of exactly the size asked for: AddressSanitizer sees raw pointers that overrun it;
//   - __syncthreads and its three reductions. A block in which nobody can go on is an error that says who
//     waits where;
//   - warps of 32 lanes, the last one perhaps partial. The lanes that a mask names meet, in the same
//     operation and with the same mask; the others of the warp go their own way;
//   - asynchronous copies. One lands in shared memory only when the thread that started it waits for it,
//     so that reading too early finds the old value; one that is never waited for is an error;
//   - bulk tensor copies, mbarriers, named barriers and wgmma, likewise: bulk_copies.hpp and
//     warpgroup_products.hpp;
//   - integer atomics;
//   - the order of threads and of blocks: set_order(). What a kernel computes must not depend on it.
//
// What is not, and needs a GPU and compute-sanitizer
//   - the proxies of memory, but for what stmatrix writes (bulk_copies.hpp); registers that setmaxnreg has
//   given
//     away;
//   - memory ordering: every write is seen by everyone at once; a missing __threadfence does no harm here;
//   - real concurrency: a thread is interrupted only where it waits. Two threads that write to the same
//     place between two barriers are noticed only when their order decides the result, and spinning on a
//     flag that another thread is to set never ends;
//   - warps in lockstep: lanes run ahead of each other up to the next operation that names them, as the
//     programming model allows since Volta;
//   - a `__shared__` variable that is no SharedArray: it is there, but neither filled nor checked.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "base/device/host/stream.hpp"
#include "kernels/simt/host/vector_types.hpp"

// As in CUDA, of the running thread; not to be written to.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace dnsp::simt::host {

// ---- Launching

/// Runs `body()` once for every thread of the grid. What a thread throws ends the launch and is thrown here;
/// so are stalls and what a GPU would refuse, as dnsp::Error. Launches of several OS threads wait for each
/// other; a kernel cannot launch another. Not recorded: launch() is (launch.cuh).
void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes, void (*body)(void*), void* argument);

template <class Body>
void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes, Body body) {
    run_grid(
        grid, block, shared_bytes, [](void* argument) { (*static_cast<Body*>(argument))(); }, &body);
}

// ---- For the running thread

/// Throws dnsp::Error that begins with the indices of the running block and thread.
[[noreturn]] void fail(const std::string& what);

/// Waits for all threads of the block, all of which must name the same operation; how many gave a true
/// predicate.
int synchronise_block(const char* operation, bool predicate);

/// The running thread's place in its warp, 0…31.
int lane();

/// Waits for all lanes of the mask, all of which must name the same operation, mask and size; then
/// everyone[i] (of `bytes` bytes each) is the `mine` of lane i, for every lane of the mask.
void exchange_in_warp(unsigned mask, const char* operation, const void* mine, std::size_t bytes,
                      void* everyone);

/// What every warp operation is made of: the value of each lane of the mask, T{} for the others.
template <class T>
std::array<T, 32> warp_exchange(unsigned mask, const char* operation, const T& mine) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::array<T, 32> everyone{};
    exchange_in_warp(mask, operation, &mine, sizeof(T), everyone.data());
    return everyone;
}

// ---- Asynchronous copies into shared memory, in groups as with cp.async; each thread waits for its own ones

/// Starts a copy of `bytes` bytes, of which those from `zero_filled_from` on are set to zero and not read.
/// Both addresses must be aligned to the largest of 16, 8, 4 … that divides `bytes`.
void queue_copy(void* shared_target, const void* source, std::size_t bytes, std::size_t zero_filled_from);
/// Makes the copies started since the last call one group.
void commit_copies();
/// Lands all groups but the last `groups_that_may_remain`.
void wait_copies(int groups_that_may_remain);
/// Lands everything, in a group or not.
void wait_all_copies();

// ---- Shared memory

[[noreturn]] void fail_bounds(long long index, long long extent);

inline void check_bounds(long long index, long long extent) {
    if (index < 0 || index >= extent) [[unlikely]]
        fail_bounds(index, extent);
}

/// The number of the running block among all blocks that ever ran.
extern std::uint64_t running_block;

/// Fills a static shared array at its first use in the running block and counts its bytes.
void enter_shared_array(void* elements, std::size_t bytes);

/// To be called at every use: `entered` belongs to the array and holds the last block it was used in.
inline void use_shared_array(void* elements, std::size_t bytes, std::uint64_t& entered) {
    if (entered == running_block) [[likely]]
        return;
    enter_shared_array(elements, bytes);
    entered = running_block;
}

/// `bytes` bytes of the block's dynamic shared memory; throws when the launch has not asked for as many.
void* dynamic_shared_bytes(std::size_t offset, std::size_t bytes);

}  // namespace dnsp::simt::host
