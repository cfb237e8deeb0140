#include <algorithm>
#include <numeric>
#include <thread>
#include <vector>

#include "kernels/simt/simt.cuh"
#include "tests/catch.hpp"
#include "tests/simt/errors.hpp"
#include "tests/simt/orders.hpp"

using namespace dnsp;
using namespace dnsp::simt;
using testing::contains;
using testing::error_of;

namespace {

constexpr int int_max = 0x7fffffff;

// ---- Indices

struct Visit {
    uint3 thread, block;
    dim3 block_extent, grid_extent;
};

__global__ void record_indices(Visit* visits) {
    const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    visits[block * blockDim.x * blockDim.y * blockDim.z + thread] = {threadIdx, blockIdx, blockDim, gridDim};
}

bool equal(uint3 a, uint3 b) { return a.x == b.x && a.y == b.y && a.z == b.z; }

void check_indices(dim3 grid, dim3 block) {
    std::vector<Visit> visits(grid.x * grid.y * grid.z * block.x * block.y * block.z,
                              {{99, 99, 99}, {99, 99, 99}, {}, {}});
    launch(record_indices, grid, block, 0, visits.data());
    bool right = true;
    std::size_t i = 0;
    for (uint3 b{0, 0, 0}; b.z < grid.z; ++b.z)
        for (b.y = 0; b.y < grid.y; ++b.y)
            for (b.x = 0; b.x < grid.x; ++b.x)
                for (uint3 t{0, 0, 0}; t.z < block.z; ++t.z)
                    for (t.y = 0; t.y < block.y; ++t.y)
                        for (t.x = 0; t.x < block.x; ++t.x, ++i)
                            right = right && equal(visits[i].thread, t) && equal(visits[i].block, b) &&
                                    equal(visits[i].block_extent, block) &&
                                    equal(visits[i].grid_extent, grid);
    CHECK(right);
}

// ---- Barriers

__global__ void reverse(const int* in, int* out) {
    __shared__ SharedArray<int, 1024> values;
    const int n = static_cast<int>(blockDim.x), i = static_cast<int>(threadIdx.x);
    values[i] = in[i];
    __syncthreads();
    out[i] = values[n - 1 - i];
}

/// Sums one value per thread over the block by halving the number of adding threads.
__global__ void sum_by_halves(const float* in, float* out) {
    auto values = dynamic_shared<float>(blockDim.x);
    values[threadIdx.x] = in[blockIdx.x * blockDim.x + threadIdx.x];
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) values[threadIdx.x] += values[threadIdx.x + half];
    }
    if (threadIdx.x == 0) out[blockIdx.x] = values[0];
}

struct Votes {
    int count, any, all, none, every;
};

__global__ void vote(Votes* out) {
    const int t = static_cast<int>(threadIdx.x), n = static_cast<int>(blockDim.x);
    Votes votes;
    votes.count = __syncthreads_count(t % 3 == 0 ? 5 : 0);
    votes.any = __syncthreads_or(t == n - 1);
    votes.all = __syncthreads_and(t != n - 1);
    votes.none = __syncthreads_or(0);
    votes.every = __syncthreads_and(t + 1);
    out[t] = votes;
}

// ---- Orders

struct Visits {
    std::vector<int> blocks, before_barrier, after_barrier;
};

__global__ void record_order(Visits* visits) {
    visits->blocks.push_back(static_cast<int>(blockIdx.x));
    visits->before_barrier.push_back(static_cast<int>(threadIdx.x));
    __syncthreads();
    visits->after_barrier.push_back(static_cast<int>(threadIdx.x));
}

Visits visits_of(unsigned grid, unsigned block) {
    Visits visits;
    launch(record_order, grid, block, 0, &visits);
    return visits;
}

std::vector<int> counted(int n) {
    std::vector<int> out(static_cast<std::size_t>(n));
    std::iota(out.begin(), out.end(), 0);
    return out;
}

__global__ void do_nothing() {}
__global__ void throw_in_thread(int thread) {
    __syncthreads();
    if (static_cast<int>(threadIdx.x) == thread) throw Error("thrown in a kernel");
    __syncthreads();
}
__global__ void add_to(int* sum, int value) { *sum += value; }

}  // namespace

TEST_CASE("every thread of a grid runs once and knows where it is") {
    testing::for_each_thread_order([] {
        check_indices(1, 1);
        check_indices(7, 33);
        check_indices(1, 1024);
        check_indices({3, 2}, {5, 4});
        check_indices({2, 3, 4}, {4, 3, 2});
        check_indices({1, 5}, {1, 1, 64});
    });
}

TEST_CASE("a barrier is passed when the whole block has reached it") {
    testing::for_each_thread_order([] {
        for (int n : {1, 2, 31, 32, 33, 257, 1024}) {
            const auto in = counted(n);
            std::vector<int> out(in.size(), -1), expected(in.rbegin(), in.rend());
            launch(reverse, 1, static_cast<unsigned>(n), 0, in.data(), out.data());
            CHECK(out == expected);
        }
    });
}

TEST_CASE("a block reduces to its sum") {
    const std::vector<float> in(4 * 256, 0.5f);
    testing::for_each_thread_order([&] {
        std::vector<float> out(4, -1.0f);
        launch(sum_by_halves, 4, 256, 256 * sizeof(float), in.data(), out.data());
        CHECK(out == std::vector<float>(4, 128.0f));
    });
}

TEST_CASE("barriers count, or and and predicates") {
    testing::for_each_thread_order([] {
        std::vector<Votes> out(70);
        launch(vote, 1, 70, 0, out.data());
        CHECK(std::all_of(out.begin(), out.end(), [](const Votes& v) {
            return v.count == 24 && v.any != 0 && v.all == 0 && v.none == 0 && v.every != 0;
        }));
    });
}

TEST_CASE("threads and blocks take turns in the order that is set") {
    const auto up = counted(40), down = std::vector<int>(up.rbegin(), up.rend());
    host::set_order(host::Order::forward);
    const Visits forward = visits_of(40, 1), forward_threads = visits_of(1, 40);
    host::set_order(host::Order::reverse);
    const Visits reversed = visits_of(40, 1), reversed_threads = visits_of(1, 40);
    CHECK(forward.blocks == up);
    CHECK(forward_threads.before_barrier == up);
    CHECK(forward_threads.after_barrier == up);
    CHECK(reversed.blocks == down);
    CHECK(reversed_threads.before_barrier == down);
    CHECK(reversed_threads.after_barrier == down);

    const auto random = [](std::uint64_t seed) {
        host::set_order(host::Order::random, seed);
        Visits visits = visits_of(1, 40);
        visits.blocks = visits_of(40, 1).blocks;
        return visits;
    };
    const Visits first = random(1), again = random(1), other = random(2);
    CHECK(first.blocks == again.blocks);
    CHECK(first.after_barrier == again.after_barrier);
    CHECK(first.blocks != other.blocks);
    CHECK(first.before_barrier != other.before_barrier);
    CHECK(first.before_barrier != first.after_barrier);
    for (const auto& visited : {first.blocks, first.before_barrier, first.after_barrier, other.blocks}) {
        CHECK(visited != up);
        CHECK(visited != down);
        CHECK(std::is_permutation(visited.begin(), visited.end(), up.begin(), up.end()));
    }
    host::set_order(host::Order::forward);
}

TEST_CASE("what a GPU would refuse is refused") {
    for (const dim3 block : {dim3(1025), dim3(0), dim3(32, 33), dim3(1, 1, 65), dim3(65536, 65536, 1)})
        contains(error_of([&] { launch(do_nothing, 1, block, 0); }), "a block has 1 to 1024 threads");
    contains(error_of([] { launch(do_nothing, dim3(1, 65536), 1, 0); }), "a grid has 1 to 2147483647");
    contains(error_of([] { host::run_grid(0, 1, 0, do_nothing); }), "a grid has 1 to 2147483647");
    contains(error_of([] { launch(do_nothing, 1, 1, (227 << 10) + 1); }), "at most 232448 bytes");
    CHECK(error_of([] { launch(do_nothing, 1, dim3(4, 4, 64), 227 << 10); }).empty());
    CHECK(error_of([] { launch(do_nothing, 0, 32, 0); }).empty());
}

TEST_CASE("what a thread throws ends the launch, and the next one is not harmed") {
    testing::for_each_thread_order([] {
        for (int thread : {0, 17, 63}) {
            CHECK(error_of([&] { launch(throw_in_thread, 3, 64, 0, thread); }) == "thrown in a kernel");
            CHECK(error_of([] { launch(throw_in_thread, 3, 64, 0, int_max); }).empty());
        }
        CHECK_THROWS_AS(host::run_grid(1, 1, 0, [] { throw std::bad_alloc(); }), std::bad_alloc);
    });
}

TEST_CASE("launches of several threads of the system follow one another") {
    int sum = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int repeat = 0; repeat < 50; ++repeat) launch(add_to, 2, 16, 0, &sum, 1);
        });
    for (auto& thread : threads) thread.join();
    CHECK(sum == 4 * 50 * 2 * 16);
}

TEST_CASE("waiting outside of a kernel is an error") {
    contains(error_of([] { __syncthreads(); }), "outside of a kernel");
    contains(error_of([] { __shfl_sync(1, 1, 0); }), "outside of a kernel");
    contains(error_of([] { dynamic_shared<int>(0); }), "outside of a kernel");
}
