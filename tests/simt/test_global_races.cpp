// Races in global memory: kernels with one mistake each, next to correct versions.
#include <cstring>

#include "base/device/runtime.hpp"
#include "kernels/simt/ptx.cuh"
#include "tests/catch.hpp"
#include "tests/simt/errors.hpp"
#include "tests/simt/races.hpp"

using namespace dnsp;
using namespace dnsp::simt;
using testing::check_correct;
using testing::check_race;
using testing::contains;
using testing::error_of;

namespace {

/// `elements` zeros in the memory of the device.
class DeviceArray {
  public:
    explicit DeviceArray(std::size_t elements) : bytes_(elements * sizeof(float)) {
        memory_ = allocate(bytes_);
        REQUIRE(memory_ != nullptr);
        std::memset(memory_, 0, bytes_);
    }
    ~DeviceArray() { release(memory_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;
    float* data() const { return static_cast<float*>(memory_); }

  private:
    std::size_t bytes_;
    void* memory_;
};

enum class Barrier { kept, removed };

__global__ void write_at(float* out, int distance_of_blocks) {
    out[distance_of_blocks * static_cast<int>(blockIdx.x) + static_cast<int>(threadIdx.x)] = 1.0f;
}

__global__ void shift(const float* in, float* out) {
    const auto i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = in[i + 1];
}

__global__ void reverse_in_place(Barrier barrier, float* values) {
    const float value = values[threadIdx.x];
    if (barrier == Barrier::kept) __syncthreads();
    values[63 - threadIdx.x] = value;
}

__global__ void pass_in_block(Barrier barrier, float* values) {
    values[threadIdx.x] = 1.0f;
    if (barrier == Barrier::kept) __syncthreads();
    values[64 + threadIdx.x] = values[63 - threadIdx.x];
}

/// Every thread reads, one after the other; the last one writes.
__global__ void read_in_turn(float* value, int* order) {
    for (unsigned turn = 0; turn < blockDim.x; ++turn) {
        if (turn == threadIdx.x) order[turn] = static_cast<int>(*value);
        __syncthreads();
    }
    if (threadIdx.x == 0) *value = 1.0f;
}

__global__ void count(int* counter, int* out) {
    const int before = atomicAdd(counter, 1);
    if (out) out[blockIdx.x * blockDim.x + threadIdx.x] = before;
}

__global__ void count_and_read(int* counter, int* out) {
    atomicAdd(counter, 1);
    __syncthreads();
    if (threadIdx.x == 0) out[blockIdx.x] = *counter;
}

__global__ void copy_asynchronously(const float* in, float* out) {
    alignas(16) __shared__ SharedArray<float, 64> values;
    cp_async<16>(&values[4 * static_cast<int>(threadIdx.x)], in + 4 * (threadIdx.x + 16 * blockIdx.x), true);
    cp_async_commit();
    cp_async_wait<0>();
    __syncthreads();
    for (unsigned i = threadIdx.x; i < 64; i += blockDim.x)
        out[64 * blockIdx.x + i] = values[static_cast<int>(i)];
}

}  // namespace

TEST_CASE("global race: two blocks write to the same place") {
    DNSP_NEEDS_RACE_DETECTION();
    const DeviceArray out(256);
    const auto run = [&](int distance) {
        return [&, distance] { launch(write_at, 3, 64, 0, out.data(), distance); };
    };
    check_correct(run(64));
    check_race("write_at", " of an array of 1024 bytes in global memory, which block (", run(63));
    CHECK(
        error_of(run(63)) ==
        "[CUDA emulator] race in (anonymous namespace)::write_at(float*, int): block (1,0,0), thread (0,0,0) writes byte 252 of an array of 1024 "
        "bytes in global memory, which block (0,0,0), thread (63,0,0) has written; nothing orders the two");
}

TEST_CASE("global race: a block reads what another writes") {
    DNSP_NEEDS_RACE_DETECTION();
    const DeviceArray values(256), out(256);
    const auto run = [&](const DeviceArray& to) {
        return [&] { launch(shift, 2, 64, 0, values.data(), to.data()); };
    };
    check_correct(run(out));
    check_race("shift", " in global memory, which block (", run(values));
    const auto within_a_block = [&] { launch(shift, 1, 64, 0, values.data(), values.data()); };
    check_race("shift", " in global memory, which block (", within_a_block);
}

TEST_CASE("global race: threads of a block need a barrier between their accesses") {
    DNSP_NEEDS_RACE_DETECTION();
    const DeviceArray values(128);
    const auto reverse = [&](Barrier barrier) {
        return [&, barrier] { launch(reverse_in_place, 1, 64, 0, barrier, values.data()); };
    };
    check_correct(reverse(Barrier::kept));
    check_race("reverse_in_place", " in global memory, which block (0,0,0), thread (",
               reverse(Barrier::removed));
    const auto pass = [&](Barrier barrier) {
        return [&, barrier] { launch(pass_in_block, 1, 64, 0, barrier, values.data()); };
    };
    check_correct(pass(Barrier::kept));
    check_race("pass_in_block", " in global memory, which block (0,0,0), thread (", pass(Barrier::removed));
    const DeviceArray order(64);
    check_correct(
        [&] { launch(read_in_turn, 1, 64, 0, values.data(), reinterpret_cast<int*>(order.data())); });
}

TEST_CASE("global race: atomic operations race with other accesses only") {
    DNSP_NEEDS_RACE_DETECTION();
    const DeviceArray counter(1), out(256);
    const auto ints = [](const DeviceArray& array) { return reinterpret_cast<int*>(array.data()); };
    check_correct([&] { launch(count, 4, 64, 0, ints(counter), ints(out)); });
    check_correct([&] { launch(count_and_read, 1, 64, 0, ints(counter), ints(out)); });
    check_race("count_and_read", "accesses atomically",
               [&] { launch(count_and_read, 2, 64, 0, ints(counter), ints(out)); });
}

TEST_CASE("global race: an asynchronous copy reads what another block writes") {
    DNSP_NEEDS_RACE_DETECTION();
    const DeviceArray values(192);
    const auto run = [&](int to) {
        return [&, to] { launch(copy_asynchronously, 2, 16, 0, values.data(), values.data() + to); };
    };
    check_race("copy_asynchronously", " in global memory, which block (", run(64));
    const DeviceArray out(128);
    check_correct([&] { launch(copy_asynchronously, 2, 16, 0, values.data(), out.data()); });
}

TEST_CASE("global race: launches are ordered, and an array that was freed is forgotten") {
    DNSP_NEEDS_RACE_DETECTION();
    check_correct([] {
        for (int lifetime = 0; lifetime < 3; ++lifetime) {
            const DeviceArray values(128), out(128);
            for (int again = 0; again < 2; ++again) {
                launch(write_at, 2, 64, 0, values.data(), 64);
                launch(shift, 1, 64, 0, values.data(), out.data());
                launch(write_at, 2, 64, 0, values.data(), 64);
            }
        }
    });
}
