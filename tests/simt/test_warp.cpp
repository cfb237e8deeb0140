#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "kernels/simt/simt.cuh"
#include "tests/catch.hpp"
#include "tests/simt/orders.hpp"

using namespace dnsp;
using namespace dnsp::simt;

namespace {

constexpr unsigned whole_warp = 0xffffffffu;

// ---- Shuffles: every lane passes 100 · warp + lane; results are compared with the definition.

enum class Shuffle { index, up, down, exclusive_or };

template <class T>
__global__ void shuffle_all(Shuffle kind, int amount, int width, T* out) {
    const T own = static_cast<T>(100 * (threadIdx.x / 32) + threadIdx.x % 32);
    T got{};
    switch (kind) {
        case Shuffle::index:
            got = __shfl_sync(whole_warp, own, amount, width);
            break;
        case Shuffle::up:
            got = __shfl_up_sync(whole_warp, own, static_cast<unsigned>(amount), width);
            break;
        case Shuffle::down:
            got = __shfl_down_sync(whole_warp, own, static_cast<unsigned>(amount), width);
            break;
        case Shuffle::exclusive_or:
            got = __shfl_xor_sync(whole_warp, own, amount, width);
            break;
    }
    out[threadIdx.x] = got;
}

int expected_source(Shuffle kind, int lane, int amount, int width) {
    const int first = lane / width * width, end = first + width;
    switch (kind) {
        case Shuffle::index:
            return first + (amount % width + width) % width;
        case Shuffle::up:
            return lane - amount < first ? lane : lane - amount;
        case Shuffle::down:
            return lane + amount >= end ? lane : lane + amount;
        case Shuffle::exclusive_or:
            return (lane ^ amount) >= end ? lane : lane ^ amount;
    }
    return -1;
}

template <class T>
void check_shuffles() {
    for (Shuffle kind : {Shuffle::index, Shuffle::up, Shuffle::down, Shuffle::exclusive_or})
        for (int width : {1, 2, 4, 8, 16, 32})
            for (int amount : {0, 1, 2, 3, 5, 8, 16, 31}) {
                std::vector<T> out(64), expected(64);
                launch(shuffle_all<T>, 1, 64, 0, kind, amount, width, out.data());
                for (int i = 0; i < 64; ++i)
                    expected[static_cast<std::size_t>(i)] =
                        static_cast<T>(100 * (i / 32) + expected_source(kind, i % 32, amount, width));
                INFO("shuffle " << static_cast<int>(kind) << " by " << amount << " of width " << width);
                CHECK(out == expected);
            }
}

__global__ void rotate_pairs(int2* out) {
    const int lane = static_cast<int>(threadIdx.x);
    out[lane] = __shfl_sync(whole_warp, make_int2(lane, -lane), lane + 1);
}

/// The sum of a block: shuffles sum each warp, then the first warp sums the warps.
__global__ void sum_by_warps(const double* in, double* out) {
    __shared__ SharedArray<double, 32> sums;
    double value = in[threadIdx.x];
    for (unsigned step = 16; step > 0; step /= 2) value += __shfl_down_sync(whole_warp, value, step);
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
    __syncthreads();
    if (threadIdx.x >= 32) return;
    value = threadIdx.x < blockDim.x / 32 ? sums[threadIdx.x] : 0.0;
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(whole_warp, value, step);
    if (threadIdx.x == 0) *out = value;
}

// ---- Votes and reductions

struct Results {
    unsigned ballot, add, least, greatest, all_bits, any_bits, odd_bits;
    int signed_add, signed_least, signed_greatest, any, all;
    bool operator==(const Results&) const = default;
};

__global__ void vote_and_reduce(unsigned mask, Results* out) {
    const unsigned lane = threadIdx.x;
    if ((mask >> lane & 1u) == 0) return;
    const int negative = -static_cast<int>(lane);
    Results r;
    r.ballot = __ballot_sync(mask, lane % 3 == 0);
    r.add = __reduce_add_sync(mask, lane);
    r.least = __reduce_min_sync(mask, lane);
    r.greatest = __reduce_max_sync(mask, lane);
    r.all_bits = __reduce_and_sync(mask, lane | 64u);
    r.any_bits = __reduce_or_sync(mask, 1u << lane);
    r.odd_bits = __reduce_xor_sync(mask, lane);
    r.signed_add = __reduce_add_sync(mask, negative);
    r.signed_least = __reduce_min_sync(mask, negative);
    r.signed_greatest = __reduce_max_sync(mask, negative);
    r.any = __any_sync(mask, lane == 4) != 0;
    r.all = __all_sync(mask, lane < 8) != 0;
    out[lane] = r;
}

Results expected_results(unsigned mask) {
    Results r{0, 0, 99, 0, ~0u, mask, 0, 0, 99, -99, 0, 1};
    for (unsigned lane = 0; lane < 32; ++lane) {
        if ((mask >> lane & 1u) == 0) continue;
        const int negative = -static_cast<int>(lane);
        if (lane % 3 == 0) r.ballot |= 1u << lane;
        r.add += lane;
        r.least = std::min(r.least, lane);
        r.greatest = std::max(r.greatest, lane);
        r.all_bits &= lane | 64u;
        r.odd_bits ^= lane;
        r.signed_add += negative;
        r.signed_least = std::min(r.signed_least, negative);
        r.signed_greatest = std::max(r.signed_greatest, negative);
        r.any = r.any || lane == 4;
        r.all = r.all && lane < 8;
    }
    return r;
}

// ---- Diverged lanes

/// The lower half sums three times, the upper half once. Neither waits for the other.
__global__ void halves_on_their_own(unsigned* out) {
    const bool lower = threadIdx.x < 16;
    const unsigned mask = lower ? 0x0000ffffu : 0xffff0000u;
    unsigned value = threadIdx.x;
    for (int round = 0; round < (lower ? 3 : 1); ++round)
        for (int step = 8; step > 0; step /= 2) value += __shfl_xor_sync(mask, value, step, 16);
    __syncwarp();
    out[threadIdx.x] = value + __shfl_xor_sync(whole_warp, value, 16);
}

/// `head` waits for `middle`, which first meets `tail`.
__global__ void chain(int head, int middle, int tail, int* out) {
    const int lane = static_cast<int>(threadIdx.x);
    int value = lane + 1;
    if (lane == middle || lane == tail) value = 10 * __shfl_sync(1u << middle | 1u << tail, value, tail);
    if (lane == head || lane == middle) value = __shfl_sync(1u << head | 1u << middle, value, middle);
    out[lane] = value;
}

__global__ void exchange_structures(int* out) {
    struct Mine {
        std::int64_t wide;
        std::int8_t narrow = 5;
    };
    const unsigned mask = 0x80000005u;
    const int lane = static_cast<int>(threadIdx.x);
    if ((mask >> lane & 1u) == 0) return;
    const auto all = host::warp_exchange(mask, "test", Mine{lane, static_cast<std::int8_t>(-lane)});
    int right = 0;
    for (int i = 0; i < 32; ++i) {
        const Mine& value = all[static_cast<std::size_t>(i)];
        const bool held = (mask >> i & 1u) != 0;
        right += value.wide == (held ? i : 0) && value.narrow == (held ? -i : 5);
    }
    out[lane] = right;
}

}  // namespace

TEST_CASE("shuffles of every kind, width and distance") {
    testing::for_each_thread_order([] { check_shuffles<int>(); });
    check_shuffles<unsigned>();
    check_shuffles<float>();
    check_shuffles<double>();
    check_shuffles<long long>();
    check_shuffles<std::uint64_t>();
}

TEST_CASE("shuffles move structures of eight bytes, from a source that wraps round") {
    std::vector<int2> out(32);
    launch(rotate_pairs, 1, 32, 0, out.data());
    for (int lane = 0; lane < 32; ++lane) {
        CHECK(out[static_cast<std::size_t>(lane)].x == (lane + 1) % 32);
        CHECK(out[static_cast<std::size_t>(lane)].y == -((lane + 1) % 32));
    }
}

TEST_CASE("a block sums by warps") {
    const std::vector<double> in(1024, 0.25);
    testing::for_each_thread_order([&] {
        for (unsigned threads : {32u, 96u, 1024u}) {
            double sum = -1;
            launch(sum_by_warps, 1, threads, 0, in.data(), &sum);
            CHECK(sum == 0.25 * threads);
        }
    });
}

TEST_CASE("votes and reductions of whole and partial warps") {
    testing::for_each_thread_order([] {
        for (unsigned mask : {whole_warp, 0xffu, 0x10u, 0xff00ff00u, 0x80000001u}) {
            std::vector<Results> out(32);
            launch(vote_and_reduce, 1, 32, 0, mask, out.data());
            for (unsigned lane = 0; lane < 32; ++lane)
                if ((mask >> lane & 1u) != 0) CHECK(out[lane] == expected_results(mask));
        }
        std::vector<Results> out(20);
        launch(vote_and_reduce, 1, 20, 0, 0xfffffu, out.data());
        CHECK(out[19] == expected_results(0xfffffu));
    });
}

TEST_CASE("half warps that have diverged shuffle each on its own") {
    testing::for_each_thread_order([] {
        std::vector<unsigned> out(32);
        launch(halves_on_their_own, 1, 32, 0, out.data());
        CHECK(out == std::vector<unsigned>(32, 120u * 16 * 16 + (120u + 256u)));
    });
}

TEST_CASE("a lane may meet others while one waits for it") {
    testing::for_each_thread_order([] {
        std::array<int, 3> lanes{0, 1, 2};
        do {
            const auto [head, middle, tail] = lanes;
            std::vector<int> out(32);
            launch(chain, 1, 32, 0, head, middle, tail, out.data());
            for (int lane : lanes) CHECK(out[static_cast<std::size_t>(lane)] == 10 * (tail + 1));
        } while (std::next_permutation(lanes.begin(), lanes.end()));
    });
}

TEST_CASE("warp_exchange gives every lane all values, and T{} for lanes outside the mask") {
    testing::for_each_thread_order([] {
        std::vector<int> out(32, 0);
        launch(exchange_structures, 1, 32, 0, out.data());
        CHECK(out[0] == 32);
        CHECK(out[1] == 0);
        CHECK(out[2] == 32);
        CHECK(out[31] == 32);
    });
}
