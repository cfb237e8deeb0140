#include "kernels/simt/host/executor.hpp"

#include <algorithm>

#include "base/device/runtime.hpp"
#include "base/error.hpp"
#include "kernels/simt/host/scheduler.hpp"

uint3 threadIdx{}, blockIdx{};
dim3 blockDim, gridDim;

namespace dnsp::simt::host {

std::uint64_t running_block = 0;

std::string text(uint3 i) {
    return "(" + std::to_string(i.x) + "," + std::to_string(i.y) + "," + std::to_string(i.z) + ")";
}

void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes, void (*body)(void*), void* argument,
              const void* kernel) {
    scheduler.run(grid, block, shared_bytes, body, argument, kernel);
}

void fail(const std::string& what) {
    throw Error("[CUDA emulator] block " + text(blockIdx) + ", thread " + text(threadIdx) + ": " + what);
}

void fail_bounds(long long index, long long extent) {
    fail("index " + std::to_string(index) + " of a shared array of extent " + std::to_string(extent));
}

void require_capability(int at_least, const char* instruction) {
    if (compute_capability() < at_least)
        fail(std::string(instruction) + " needs compute capability " + std::to_string(at_least / 10) + "." +
             std::to_string(at_least % 10));
}

void require_hopper(const char* instruction) {
    if (compute_capability() != 90) fail(std::string(instruction) + " needs compute capability 9.0");
}

int synchronise_block(const char* operation, bool predicate) {
    return scheduler.synchronise_block(operation, predicate);
}

int lane() { return scheduler.lane(); }

void exchange_in_warp(unsigned mask, const char* operation, const void* mine, std::size_t bytes,
                      void* everyone) {
    scheduler.exchange_in_warp({mask, operation, mine, bytes, everyone});
}

void enter_shared_array(void* elements, std::size_t bytes) { scheduler.enter_shared_array(elements, bytes); }

void note_atomic(const void* address, std::size_t bytes) {
    if (scheduler.may_be_shared(address))
        scheduler.note_access(Access::atomic, static_cast<const std::byte*>(address), bytes);
    else if (watches_global_memory)
        scheduler.note_global_access(Access::atomic, static_cast<const std::byte*>(address), bytes);
}

void* dynamic_shared_bytes(std::size_t offset, std::size_t bytes) {
    return scheduler.dynamic_shared_bytes(offset, bytes);
}

void queue_copy(void* shared_target, const void* source, std::size_t bytes, std::size_t zero_filled_from) {
    const std::size_t alignment = std::min<std::size_t>(bytes & -bytes, 16);
    const auto aligned = [&](const void* address) {
        return reinterpret_cast<std::uintptr_t>(address) % alignment == 0;
    };
    if (bytes == 0) fail("an asynchronous copy of no bytes");
    if (!aligned(shared_target) || (zero_filled_from > 0 && !aligned(source)))
        fail("an asynchronous copy of " + std::to_string(bytes) +
             " bytes whose addresses are not aligned to " + std::to_string(alignment));
    Thread& me = scheduler.thread();
    if (RaceDetector* races = scheduler.races())
        races->access(me.number, Access::copy, static_cast<const std::byte*>(shared_target), bytes);
    if (watches_global_memory)
        scheduler.note_global_access(Access::read, static_cast<const std::byte*>(source), zero_filled_from);
    me.copies.queue(shared_target, source, bytes, zero_filled_from);
}

void note_landed_copy(const std::byte* target, std::size_t bytes) {
    if (RaceDetector* races = scheduler.races()) races->land_copy(scheduler.thread().number, target, bytes);
}

void commit_copies() { scheduler.thread().copies.commit(); }

void wait_copies(int groups_that_may_remain) {
    scheduler.thread().copies.land_groups(groups_that_may_remain);
}

void wait_all_copies() { scheduler.thread().copies.land_all(); }

}  // namespace dnsp::simt::host
