// mbarriers and named barriers, and the errors of wrong use.
#include <numeric>
#include <vector>

#include "kernels/simt/ptx.cuh"
#include "tests/catch.hpp"
#include "tests/simt/errors.hpp"
#include "tests/simt/orders.hpp"

using namespace dnsp;
using namespace dnsp::simt;
using testing::contains;
using testing::error_of;

namespace {

/// Warps 0 and 1 meet, then warps 1 and 2.
__global__ void meet(int wanted, int* out) {
    __shared__ SharedArray<int, 96> values;
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32;
    if (warp == 0) values[thread] = thread;
    if (warp <= 1) synchronise_warps(1, wanted);
    if (warp == 1) values[thread] = values[thread - 32] + 100;
    if (warp >= 1) synchronise_warps(2, 64);
    if (warp == 2) out[thread - 64] = values[thread - 32];
}

/// A ring of two stages between one writing thread and 32 reading threads.
__global__ void pass_through_ring(const float* in, int count, float* out) {
    __shared__ SharedArray<std::uint64_t, 4> barriers;
    __shared__ SharedArray<float, 2> values;
    std::uint64_t *full = barriers.data(), *empty = full + 2;
    if (threadIdx.x == 0)
        for (int stage = 0; stage < 2; ++stage) {
            mbarrier_init(full + stage, 1);
            mbarrier_init(empty + stage, 32);
        }
    __syncthreads();
    float sum = 0;
    for (int i = 0; i < count; ++i) {
        const int stage = i % 2;
        const auto parity = static_cast<std::uint32_t>(i / 2 % 2);
        if (threadIdx.x == 32) {
            mbarrier_wait(empty + stage, parity ^ 1u);
            values[stage] = in[i];
            mbarrier_arrive(full + stage);
        }
        if (threadIdx.x < 32) {
            mbarrier_wait(full + stage, parity);
            sum = 2 * sum + values[stage];
            mbarrier_arrive(empty + stage);
        }
    }
    if (threadIdx.x < 32) out[threadIdx.x] = sum;
}

__global__ void use_barrier(int initialised, int arrivals) {
    __shared__ SharedArray<std::uint64_t, 1> barrier;
    for (int i = 0; i < initialised; ++i) mbarrier_init(barrier.data(), 1);
    for (int i = 0; i < arrivals; ++i) mbarrier_arrive(barrier.data());
}

}  // namespace

TEST_CASE("some of the warps meet at a barrier of their own") {
    testing::for_each_thread_order([] {
        std::vector<int> out(32), expected(32);
        std::iota(expected.begin(), expected.end(), 100);
        CHECK(error_of([&] { launch(meet, 1, 96, 0, 64, out.data()); }).empty());
        CHECK(out == expected);
        CHECK(error_of([&] { launch(meet, 1, 96, 0, 96, out.data()); }) ==
              "[CUDA emulator] stalled: block (0,0,0): 64 threads wait at named barrier 1 of 96 threads, 32 "
              "threads wait at named barrier 2 of 64 threads, 0 have returned");
        contains(error_of([&] { launch(meet, 1, 96, 0, 40, out.data()); }), "for whole warps");
    });
}

TEST_CASE("a ring of mbarriers passes on one value after another") {
    const std::vector<float> in{1, 2, 3, 4, 5, 6, 7};
    testing::for_each_thread_order([&] {
        std::vector<float> out(32);
        launch(pass_through_ring, 1, 33, 0, in.data(), 7, out.data());
        CHECK(out == std::vector<float>(32, 247.0f));
    });
}

TEST_CASE("planted: an mbarrier is used before it is initialised, or initialised twice") {
    const auto error = [](int initialised, int arrivals) {
        return error_of([=] { launch(use_barrier, 1, 1, 0, initialised, arrivals); });
    };
    CHECK(error(1, 3).empty());
    contains(error(0, 1), "before it is initialised");
    contains(error(2, 0), "initialised twice");
}
