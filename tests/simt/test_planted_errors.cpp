// Kernels with one mistake each, next to correct versions. The CUDA emulator must find every mistake.
#include <numeric>
#include <vector>

#include "kernels/simt/simt.cuh"
#include "tests/catch.hpp"
#include "tests/simt/errors.hpp"
#include "tests/simt/orders.hpp"
#include "tests/simt/races.hpp"

using namespace dnsp;
using namespace dnsp::simt;
using testing::contains;
using testing::error_of;

namespace {

constexpr unsigned whole_warp = 0xffffffffu;

enum class Barrier { kept, removed };

/// True if the results are as expected in all thread orders.
template <class Run>
bool right_in_every_order(const std::vector<float>& expected, Run run) {
    bool right = true;
    testing::for_each_thread_order([&] {
        std::vector<float> out(expected.size(), -1.0f);
        run(out.data());
        right = right && out == expected;
    });
    return right;
}

/// The error message, which must be the same in all thread orders.
template <class Run>
std::string error_in_every_order(Run run) {
    std::vector<std::string> errors;
    testing::for_each_thread_order([&] { errors.push_back(error_of(run)); });
    for (const std::string& error : errors) CHECK(error.empty() == errors.front().empty());
    return errors.front();
}

// ---- Barriers

template <Barrier barrier>
__global__ void transpose(const float* in, float* out) {
    __shared__ SharedArray<float, 8, 9> tile;
    const unsigned x = threadIdx.x, y = threadIdx.y;
    tile[y][x] = in[y * 8 + x];
    if (barrier == Barrier::kept) __syncthreads();
    out[y * 8 + x] = tile[x][y];
}

/// Sums the neighbour's values over the steps. The mistake lets a thread write the next step's value before
/// its neighbour has read the current one.
template <Barrier last_barrier>
__global__ void sum_of_neighbours(const float* in, int steps, float* out) {
    __shared__ SharedArray<float, 64> values;
    const unsigned t = threadIdx.x;
    float sum = 0;
    for (int step = 0; step < steps; ++step) {
        values[t] = in[static_cast<unsigned>(step) * 64 + t];
        __syncthreads();
        sum += values[(t + 1) % 64];
        if (last_barrier == Barrier::kept) __syncthreads();
    }
    out[t] = sum;
}

__global__ void return_before_barrier(unsigned returning) {
    if (threadIdx.x < returning) return;
    __syncthreads();
}

__global__ void meet_at_different_barriers(bool mistaken) {
    if (mistaken && threadIdx.x % 2 == 0)
        __syncthreads();
    else
        __syncthreads_or(1);
}

// ---- Shared memory

__global__ void write_element(int row, int col) {
    __shared__ SharedArray<float, 4, 8> tile;
    tile[row][col] = 1.0f;
}
__global__ void write_dynamic(int index) {
    auto values = dynamic_shared<float>(8);
    values[index] = 1.0f;
}

// ---- Warp operations

__global__ void shuffle_with_mask(unsigned mask) { __shfl_sync(mask, 1, 0); }
__global__ void shuffle_from(unsigned mask, int source) {
    if ((mask >> threadIdx.x & 1u) != 0) __shfl_sync(mask, 1, source);
}
__global__ void shuffle_without(unsigned missing) {
    if (threadIdx.x != missing) __shfl_down_sync(whole_warp, 1, 1);
}
__global__ void shuffle_with_width(int width) { __shfl_sync(whole_warp, 1, 0, width); }
__global__ void meet_in_different_operations(bool mistaken) {
    if (mistaken && threadIdx.x >= 16)
        __any_sync(whole_warp, 1);
    else
        __all_sync(whole_warp, 1);
}
__global__ void meet_with_different_masks(bool mistaken) {
    if (threadIdx.x < 2) __ballot_sync(mistaken && threadIdx.x == 1 ? 0b111u : 0b011u, 1);
}
__global__ void meet_with_different_sizes(bool mistaken) {
    if (mistaken && threadIdx.x == 0)
        __shfl_sync(whole_warp, 1.0, 0);
    else
        __shfl_sync(whole_warp, 1.0f, 0);
}

// ---- Asynchronous copies

enum class Wait { kept, removed, too_late };

template <Wait wait>
__global__ void copy_and_read(const float* in, float* out) {
    __shared__ SharedArray<float, 32> buffer;
    host::queue_copy(&buffer[threadIdx.x], in + threadIdx.x, 4, 4);
    host::commit_copies();
    if (wait == Wait::kept) host::wait_copies(0);
    __syncthreads();
    out[threadIdx.x] = buffer[31 - threadIdx.x];
    if (wait == Wait::too_late) host::wait_copies(0);
}

/// The group is not committed, so waiting for groups does not cover it.
__global__ void copy_without_commit(const float* in, bool committed) {
    __shared__ SharedArray<float, 32> buffer;
    host::queue_copy(&buffer[threadIdx.x], in + threadIdx.x, 4, 4);
    if (committed) host::commit_copies();
    host::wait_copies(0);
}

__global__ void throw_with_copies_in_flight(const float* in) {
    __shared__ SharedArray<float, 32> buffer;
    host::queue_copy(&buffer[threadIdx.x], in + threadIdx.x, 4, 4);
    __syncthreads();
    throw Error("thrown in a kernel");
}

std::vector<float> counted(std::size_t count) {
    std::vector<float> out(count);
    std::iota(out.begin(), out.end(), 0.0f);
    return out;
}

}  // namespace

TEST_CASE("planted: a barrier between writing and reading is left out") {
    const testing::WithoutRaceDetection accesses_race_on_purpose;
    const auto in = counted(64);
    std::vector<float> expected(64);
    for (std::size_t i = 0; i < 64; ++i) expected[i] = in[i % 8 * 8 + i / 8];
    const auto run = [&](auto kernel) {
        return [&, kernel](float* out) { launch(kernel, 1, dim3(8, 8), 0, in.data(), out); };
    };
    CHECK(right_in_every_order(expected, run(transpose<Barrier::kept>)));
    CHECK_FALSE(right_in_every_order(expected, run(transpose<Barrier::removed>)));
}

TEST_CASE("planted: only the barrier between reading and writing again is left out") {
    const testing::WithoutRaceDetection accesses_race_on_purpose;
    const auto in = counted(3 * 64);
    std::vector<float> expected(64, 0.0f);
    for (std::size_t i = 0; i < in.size(); ++i) expected[(i + 63) % 64] += in[i];
    const auto run = [&](auto kernel) {
        return [&, kernel](float* out) { launch(kernel, 1, 64, 0, in.data(), 3, out); };
    };
    CHECK(right_in_every_order(expected, run(sum_of_neighbours<Barrier::kept>)));
    CHECK_FALSE(right_in_every_order(expected, run(sum_of_neighbours<Barrier::removed>)));
}

TEST_CASE("planted: threads return before a barrier that others reach") {
    const auto run = [](unsigned returning) {
        return error_in_every_order([=] { launch(return_before_barrier, 1, 32, 0, returning); });
    };
    CHECK(run(0).empty());
    CHECK(run(32).empty());
    CHECK(run(1) ==
          "[CUDA emulator] stalled: block (0,0,0): 31 threads wait at __syncthreads, 1 has returned");
    CHECK(run(31) ==
          "[CUDA emulator] stalled: block (0,0,0): 1 thread waits at __syncthreads, 31 have returned");
}

TEST_CASE("planted: threads of a block meet at different barriers") {
    const auto run = [](bool mistaken) {
        return error_in_every_order([=] { launch(meet_at_different_barriers, 1, 64, 0, mistaken); });
    };
    CHECK(run(false).empty());
    contains(run(true), "different barriers");
}

TEST_CASE("planted: an index out of the range of its row or of the array") {
    const auto run = [](int row, int col) {
        return error_of([=] { launch(write_element, 2, 1, 0, row, col); });
    };
    CHECK(run(0, 0).empty());
    CHECK(run(3, 7).empty());
    CHECK(run(1, 8) ==
          "[CUDA emulator] block (0,0,0), thread (0,0,0): index 8 of a shared array of extent 8");  // still
                                                                                                    // inside
    contains(run(1, -1), "index -1 of a shared array of extent 8");
    contains(run(4, 0), "index 4 of a shared array of extent 4");
    contains(run(-1, 0), "index -1 of a shared array of extent 4");

    const auto run_dynamic = [](int index) {
        return error_of([=] { launch(write_dynamic, 1, 1, 64, index); });
    };
    CHECK(run_dynamic(7).empty());
    contains(run_dynamic(8), "index 8 of a shared array of extent 8");
    contains(run_dynamic(-1), "index -1 of a shared array of extent 8");
}

TEST_CASE("planted: more dynamic shared memory is used than asked for") {
    const auto run = [](std::size_t bytes) {
        return error_of([=] { launch(write_dynamic, 1, 1, bytes, 0); });
    };
    CHECK(run(32).empty());
    contains(run(31), "dynamic shared memory of 32 bytes from byte 0 on is used, the launch asks for 31");
}

TEST_CASE("planted: a shuffle's mask does not hold the lane itself") {
    const auto run = [](unsigned mask) {
        return error_in_every_order([=] { launch(shuffle_with_mask, 1, 32, 0, mask); });
    };
    CHECK(run(whole_warp).empty());
    contains(run(0x7fffffffu), "lacks the calling lane");
}

TEST_CASE("planted: a shuffle reads from a lane outside its mask") {
    const auto run = [](int source) {
        return error_in_every_order([=] { launch(shuffle_from, 1, 32, 0, 0x00ffu, source); });
    };
    CHECK(run(7).empty());
    contains(run(8), "reads from a lane outside its mask");
}

TEST_CASE("planted: a lane of a shuffle's mask never comes") {
    const auto run = [](unsigned missing) {
        return error_in_every_order([=] { launch(shuffle_without, 1, 32, 0, missing); });
    };
    CHECK(run(32).empty());
    CHECK(run(5) ==
          "[CUDA emulator] stalled: block (0,0,0): 31 threads wait in __shfl_down_sync with mask 0xffffffff, "
          "1 has returned");
}

TEST_CASE("planted: a mask for lanes that the block does not have") {
    const auto run = [](unsigned threads) {
        return error_in_every_order([=] { launch(shuffle_without, 1, threads, 0, 99u); });
    };
    CHECK(run(64).empty());
    contains(run(40), "names lanes outside the block");
}

TEST_CASE("planted: lanes meet in different operations, with different masks or sizes") {
    const auto run = [](auto kernel, bool mistaken) {
        return error_in_every_order([=] { launch(kernel, 1, 32, 0, mistaken); });
    };
    for (auto kernel : {meet_in_different_operations, meet_with_different_masks, meet_with_different_sizes}) {
        CHECK(run(kernel, false).empty());
        contains(run(kernel, true), "different warp operations or with different masks");
    }
}

TEST_CASE("planted: a width that is no power of two") {
    const auto run = [](int width) { return error_of([=] { launch(shuffle_with_width, 1, 32, 0, width); }); };
    CHECK(run(8).empty());
    for (int width : {0, 12, 64, -8}) contains(run(width), "power of two up to 32");
}

TEST_CASE("planted: an asynchronous copy is read before it is waited for") {
    const testing::WithoutRaceDetection accesses_race_on_purpose;
    const auto in = counted(32);
    const std::vector<float> expected(in.rbegin(), in.rend());
    const auto run = [&](auto kernel) {
        return [&, kernel](float* out) { launch(kernel, 1, 32, 0, in.data(), out); };
    };
    CHECK(right_in_every_order(expected, run(copy_and_read<Wait::kept>)));
    CHECK_FALSE(right_in_every_order(expected, run(copy_and_read<Wait::too_late>)));
}

TEST_CASE("planted: a copy is in flight when its thread returns") {
    const testing::WithoutRaceDetection accesses_race_on_purpose;
    const auto in = counted(32);
    std::vector<float> out(32);
    contains(error_of([&] { launch(copy_and_read<Wait::removed>, 1, 32, 0, in.data(), out.data()); }),
             "returns without waiting for its asynchronous copies");
    contains(error_of([&] { launch(copy_without_commit, 1, 32, 0, in.data(), false); }),
             "returns without waiting for its asynchronous copies");
    CHECK(error_of([&] { launch(copy_without_commit, 1, 32, 0, in.data(), true); }).empty());
}

TEST_CASE("copies that an error leaves in flight are forgotten") {
    const auto in = counted(32);
    CHECK(error_of([&] { launch(throw_with_copies_in_flight, 1, 32, 0, in.data()); }) ==
          "thrown in a kernel");
    CHECK(error_of([] { launch(return_before_barrier, 1, 32, 0, 0u); }).empty());
}

TEST_CASE("planted: too many threads") {
    const auto run = [](unsigned threads) {
        return error_of([=] { launch(return_before_barrier, 1, threads, 0, 0u); });
    };
    CHECK(run(1024).empty());
    contains(run(1025), "a block has 1 to 1024 threads");
}
