// Races in shared memory between threads: kernels with one mistake each, next to correct versions. The race
// detector of the CUDA emulator must find every mistake, in every order of the threads.
#include <vector>

#include "kernels/simt/ptx.cuh"
#include "tests/catch.hpp"
#include "tests/simt/errors.hpp"
#include "tests/simt/orders.hpp"
#include "tests/simt/races.hpp"

using namespace dnsp;
using namespace dnsp::simt;
using testing::check_correct;
using testing::check_race;
using testing::check_race_or_stall;
using testing::contains;
using testing::error_of;

namespace {

// ---- Barriers of a block

enum class Barrier { kept, removed };

__global__ void reverse(Barrier barrier, int* out) {
    __shared__ SharedArray<int, 64> values;
    const unsigned t = threadIdx.x;
    values[t] = 7;  // equal values: no result depends on the barrier
    if (barrier == Barrier::kept) __syncthreads();
    out[t] = values[63 - t];
}

__global__ void write_equal_values(unsigned writers) {
    __shared__ SharedArray<int, 2> flags;
    if (threadIdx.x % 32 == 0 && threadIdx.x / 32 < writers) flags[1] = 1;
}

/// Two stages: one is written while the other is read.
__global__ void alternate(Barrier barrier, int steps, int* out) {
    __shared__ SharedArray<int, 2, 64> stages;
    const unsigned t = threadIdx.x;
    int sum = 0;
    for (int step = 0; step < steps; ++step) {
        stages[step % 2][t] = 1;
        if (barrier == Barrier::kept || step == 0) __syncthreads();
        sum += stages[step % 2][(t + 33) % 64];
    }
    out[t] = sum;
}

__global__ void write_parts_of_a_word(int distance) {
    __shared__ SharedArray<unsigned char, 64 + 64> bytes;
    __shared__ SharedArray<std::uint16_t, 64> halves;
    bytes[threadIdx.x] = 1;
    halves[threadIdx.x] = 2;
    __syncthreads();
    reinterpret_cast<std::uint32_t*>(bytes.data())[threadIdx.x] = halves[threadIdx.x];
    __syncthreads();
    bytes[distance * static_cast<int>(threadIdx.x)] = 3;
    bytes[distance * static_cast<int>(threadIdx.x) + 1] = 4;
}

__global__ void count(Barrier barrier, int* out) {
    __shared__ SharedArray<int, 1> counter;
    if (threadIdx.x == 0) counter[0] = 0;
    __syncthreads();
    atomicAdd(&counter[0], 1);
    if (barrier == Barrier::kept) __syncthreads();
    out[threadIdx.x] = counter[0];
}

// ---- Warps

__global__ void pass_within_warps(Barrier barrier, unsigned mask, int* out) {
    __shared__ SharedArray<int, 64> values;
    const unsigned t = threadIdx.x;
    values[t] = 7;
    if (barrier == Barrier::kept && (mask >> t % 32 & 1u) != 0) __syncwarp(mask);
    out[t] = values[t ^ 1];
}

/// The lanes meet in a shuffle and a vote, which do not order accesses to memory, and then in __syncwarp.
__global__ void shuffle_and_read(Barrier barrier, int distance, int* out) {
    __shared__ SharedArray<int, 64> values;
    const unsigned t = threadIdx.x;
    values[t] = 7;
    const int own = __shfl_xor_sync(0xffffffffu, static_cast<int>(t), 1) + __any_sync(0xffffffffu, 1);
    if (barrier == Barrier::kept) __syncwarp();
    out[t] = own + values[(static_cast<int>(t) + distance) % 64];
}

/// Lanes read at different times. The lanes of `mask` meet before lane 0 writes.
__global__ void read_then_write(unsigned mask, int* out) {
    __shared__ SharedArray<int, 1> value;
    const unsigned t = threadIdx.x;
    if (t == 0) value[0] = 1;
    __syncwarp();
    if (t % 2 == 1) __syncwarp(0xaaaaaaaau);
    out[t] = value[0];
    if (t % 4 == 3) __syncwarp(0x88888888u);
    out[t] += value[0];
    if ((mask >> t & 1u) != 0) __syncwarp(mask);
    if (t == 0) value[0] = 2;
}

// ---- Named barriers and mbarriers

/// Warp 0 writes, warp `partner` meets it at a barrier, warp 1 reads.
__global__ void meet_by_name(unsigned partner, int* out) {
    __shared__ SharedArray<int, 32> values;
    const unsigned t = threadIdx.x, warp = t / 32;
    if (warp == 0) values[t] = 7;
    if (warp == 0 || warp == partner) synchronise_warps(1, 64);
    if (warp == 1) out[t % 32] = values[t % 32];
}

enum class RingMistake { none, no_wait_for_full, early_arrival, early_release };

__global__ void pass_through_ring(RingMistake mistake, int count, int* out) {
    __shared__ SharedArray<std::uint64_t, 4> barriers;
    __shared__ SharedArray<int, 2> values;
    std::uint64_t *full = barriers.data(), *empty = full + 2;
    const unsigned t = threadIdx.x;
    if (t == 0)
        for (int stage = 0; stage < 2; ++stage) {
            mbarrier_init(full + stage, 1);
            mbarrier_init(empty + stage, 32);
        }
    __syncthreads();
    for (int i = 0; i < count; ++i) {
        const int stage = i % 2;
        const auto parity = static_cast<std::uint32_t>(i / 2 % 2);
        if (t == 32) {
            mbarrier_wait(empty + stage, parity ^ 1u);
            if (mistake == RingMistake::early_arrival) mbarrier_arrive(full + stage);
            values[stage] = 7;
            if (mistake != RingMistake::early_arrival) mbarrier_arrive(full + stage);
        } else if (t < 32) {
            if (mistake != RingMistake::no_wait_for_full) mbarrier_wait(full + stage, parity);
            if (mistake == RingMistake::early_release) mbarrier_arrive(empty + stage);
            out[t] = values[stage];
            if (mistake != RingMistake::early_release) mbarrier_arrive(empty + stage);
        }
    }
}

__global__ void initialise_and_arrive(Barrier barrier) {
    __shared__ SharedArray<std::uint64_t, 1> memory;
    if (threadIdx.x == 0) mbarrier_init(memory.data(), 32);
    if (barrier == Barrier::kept) __syncthreads();
    mbarrier_arrive(memory.data());
}

// ---- Between the orders: interleavings

/// Each thread adds 1 to a counter, by a read and a write.
__global__ void count_without_atomics(int repeats, int* out) {
    __shared__ SharedArray<int, 1> counter;
    if (threadIdx.x == 0) counter[0] = 0;
    __syncthreads();
    for (int i = 0; i < repeats; ++i) counter[0] = counter[0] + 1;
    __syncthreads();
    out[threadIdx.x] = counter[0];
}

}  // namespace

TEST_CASE("race: no barrier between writing and reading, though all values are equal") {
    DNSP_NEEDS_RACE_DETECTION();
    std::vector<int> out(64);
    const auto run = [&](Barrier barrier) {
        return [&, barrier] { launch(reverse, 2, 64, 0, barrier, out.data()); };
    };
    check_correct(run(Barrier::kept));
    check_race("reverse", " of values, which thread (", run(Barrier::removed));
    CHECK(
        error_of(run(Barrier::removed)) ==
        "[CUDA emulator] race in (anonymous namespace)::reverse((anonymous namespace)::Barrier, int*): block "
        "(0,0,0), thread (32,0,0) writes byte 128 of values, which thread (31,0,0) has read; nothing orders "
        "the two");
    check_correct(run(Barrier::kept));  // the launch after an error
}

TEST_CASE("race: two threads write the same value") {
    DNSP_NEEDS_RACE_DETECTION();
    const auto run = [&](unsigned writers) { return [=] { launch(write_equal_values, 1, 64, 0, writers); }; };
    check_correct(run(1));
    check_race("write_equal_values", "writes byte 4 of flags, which thread (", run(2));
}

TEST_CASE("race: a stage is overwritten while another thread may still read it") {
    DNSP_NEEDS_RACE_DETECTION();
    std::vector<int> out(64);
    const auto run = [&](Barrier barrier, int steps) {
        return [&, barrier, steps] { launch(alternate, 1, 64, 0, barrier, steps, out.data()); };
    };
    check_correct(run(Barrier::kept, 6));
    check_correct(run(Barrier::removed, 1));
    check_race("alternate", " of stages, which thread (", run(Barrier::removed, 3));
}

TEST_CASE("race: threads share a word, but no byte of it") {
    DNSP_NEEDS_RACE_DETECTION();
    const auto run = [](int distance) { return [=] { launch(write_parts_of_a_word, 1, 32, 0, distance); }; };
    check_correct(run(2));
    check_correct(run(3));
    check_race("write_parts_of_a_word", " of bytes, which thread (", run(1));
}

TEST_CASE("race: a counter is read before all atomic additions are over") {
    DNSP_NEEDS_RACE_DETECTION();
    std::vector<int> out(64);
    const auto run = [&](Barrier barrier) {
        return [&, barrier] { launch(count, 1, 64, 0, barrier, out.data()); };
    };
    check_correct(run(Barrier::kept));
    CHECK(out == std::vector<int>(64, 64));
    check_race("count", " of counter, which thread (", run(Barrier::removed));
}

TEST_CASE("race: lanes of a warp pass values without __syncwarp, or with one that lacks them") {
    DNSP_NEEDS_RACE_DETECTION();
    std::vector<int> out(64);
    const auto run = [&](Barrier barrier, unsigned mask) {
        return [&, barrier, mask] { launch(pass_within_warps, 1, 64, 0, barrier, mask, out.data()); };
    };
    check_correct(run(Barrier::kept, 0xffffffffu));
    check_race("pass_within_warps", " of values, which thread (", run(Barrier::removed, 0xffffffffu));
    check_race("pass_within_warps", " of values, which thread (", run(Barrier::kept, 0x0fffffffu));
}

TEST_CASE("race: a shuffle and a vote stand in for __syncwarp, or __syncwarp for __syncthreads") {
    DNSP_NEEDS_RACE_DETECTION();
    std::vector<int> out(64);
    const auto run = [&](Barrier barrier, int distance) {
        return [&, barrier, distance] { launch(shuffle_and_read, 1, 64, 0, barrier, distance, out.data()); };
    };
    check_correct(run(Barrier::removed, 0));
    check_race("shuffle_and_read", " of values, which thread (", run(Barrier::removed, 1));
    check_race("shuffle_and_read", " of values, which thread (", run(Barrier::kept, 32));
}

TEST_CASE("race: one of the lanes that have read at different times is not waited for") {
    DNSP_NEEDS_RACE_DETECTION();
    std::vector<int> out(32);
    const auto run = [&](unsigned mask) {
        return [&, mask] { launch(read_then_write, 1, 32, 0, mask, out.data()); };
    };
    check_correct(run(0xffffffffu));
    for (unsigned lane = 1; lane < 32; ++lane)
        check_race("read_then_write", "thread (" + std::to_string(lane) + ",0,0)", run(~(1u << lane)));
}

TEST_CASE("race: a warp reads that did not meet the writing warp at a named barrier") {
    DNSP_NEEDS_RACE_DETECTION();
    std::vector<int> out(32);
    const auto run = [&](unsigned partner) {
        return [&, partner] { launch(meet_by_name, 1, 96, 0, partner, out.data()); };
    };
    check_correct(run(1));
    check_race("meet_by_name", " of values, which thread (", run(2));
}

TEST_CASE("race: a stage between mbarriers is read too early, or written too early") {
    DNSP_NEEDS_RACE_DETECTION();
    std::vector<int> out(32);
    const auto run = [&](RingMistake mistake) {
        return [&, mistake] { launch(pass_through_ring, 1, 64, 0, mistake, 6, out.data()); };
    };
    check_correct(run(RingMistake::none));
    check_race("pass_through_ring", " of values, which thread (", run(RingMistake::early_arrival));
    check_race("pass_through_ring", " of values, which thread (", run(RingMistake::early_release));
    check_race_or_stall(run(RingMistake::no_wait_for_full));
}

TEST_CASE("race: an mbarrier is used without a barrier after its initialisation") {
    DNSP_NEEDS_RACE_DETECTION();
    const auto run = [](Barrier barrier) {
        return [=] { launch(initialise_and_arrive, 1, 32, 0, barrier); };
    };
    check_correct(run(Barrier::kept));
    contains(error_of(run(Barrier::removed)),
             "thread (1,0,0) reads byte 0 of memory, which thread (0,0,0) has written");
    testing::for_each_thread_order([&] { CHECK(error_of(run(Barrier::removed)) != ""); });
}

TEST_CASE("in random order, threads are also interrupted between barriers") {
    DNSP_NEEDS_RACE_DETECTION();
    const testing::WithoutRaceDetection accesses_race_on_purpose;
    std::vector<int> sums;
    testing::for_each_thread_order([&] {
        std::vector<int> out(64);
        launch(count_without_atomics, 1, 64, 0, 20, out.data());
        sums.push_back(out.front());
    });
    CHECK(sums.at(0) == 64 * 20);
    CHECK(sums.at(1) == 64 * 20);
    CHECK(sums.at(2) < 64 * 20);
    std::vector<int> again(64);
    use_thread_order(2);
    launch(count_without_atomics, 1, 64, 0, 20, again.data());
    use_thread_order(0);
    CHECK(again.front() == sums.at(2));
}
