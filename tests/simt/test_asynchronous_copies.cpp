#include <array>
#include <cmath>
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

/// A queue of two stages: one is summed while the next is copied. A thread reads its neighbour's copy.
__global__ void sum_in_stages(const float* in, int stages, float* out) {
    __shared__ SharedArray<float, 2, 64> buffer;
    const int t = static_cast<int>(threadIdx.x);
    const auto start = [&](int stage) {
        if (stage < stages) host::queue_copy(&buffer[stage % 2][t], in + stage * 64 + t, 4, 4);
        host::commit_copies();
    };
    float sum = 0;
    start(0);
    for (int stage = 0; stage < stages; ++stage) {
        start(stage + 1);
        host::wait_copies(1);
        __syncthreads();
        sum += buffer[stage % 2][(t + 1) % 64];
        __syncthreads();
    }
    host::wait_all_copies();
    out[t] = sum;
}

/// Records when each of three copies, two grouped and one ungrouped, has landed.
__global__ void watch_groups(const float* in, std::array<int, 5>* landed) {
    __shared__ SharedArray<float, 3> buffer;
    const auto count = [&] {
        int there = 0;
        for (int i = 0; i < 3; ++i) there += !isnan(buffer[i]);
        return there;
    };
    host::queue_copy(&buffer[0], in, 4, 4);
    host::commit_copies();
    host::queue_copy(&buffer[1], in + 1, 4, 4);
    host::commit_copies();
    host::queue_copy(&buffer[2], in + 2, 4, 4);
    (*landed)[0] = count();
    host::wait_copies(2);
    (*landed)[1] = count();
    host::wait_copies(1);
    (*landed)[2] = count();
    host::wait_copies(0);
    (*landed)[3] = count();
    host::wait_all_copies();
    (*landed)[4] = count();
}

__global__ void fill_with_zeros(const float* in, int given, float* out) {
    __shared__ SharedArray<float, 4> buffer;
    // If nothing is read, the source may be null.
    host::queue_copy(buffer.data(), given > 0 ? in : nullptr, 16, static_cast<std::size_t>(given) * 4);
    host::wait_all_copies();
    for (int i = 0; i < 4; ++i) out[i] = buffer[i];
}

__global__ void copy_misaligned(const char* in, int target, int source, int bytes) {
    __shared__ SharedArray<char, 64> buffer;
    host::queue_copy(buffer.data() + target, in + source, static_cast<std::size_t>(bytes), 64);
    host::wait_all_copies();
}

}  // namespace

TEST_CASE("asynchronous copies feed a queue of two stages") {
    std::vector<float> in(5 * 64), expected(64, 0.0f);
    for (std::size_t i = 0; i < in.size(); ++i) {
        in[i] = static_cast<float>(i);
        expected[(i + 63) % 64] += in[i];
    }
    testing::for_each_thread_order([&] {
        std::vector<float> out(64);
        launch(sum_in_stages, 1, 64, 0, in.data(), 5, out.data());
        CHECK(out == expected);
    });
}

TEST_CASE("a copy lands when its group is waited for, and not before") {
    const testing::WithoutRaceDetection accesses_race_on_purpose;
    const std::vector<float> in{1, 2, 3};
    std::array<int, 5> landed{};
    launch(watch_groups, 1, 1, 0, in.data(), &landed);
    CHECK(landed == std::array<int, 5>{0, 0, 1, 2, 3});
}

TEST_CASE("what a copy is not given is zero") {
    const std::vector<float> in{1, 2, 3, 4};
    for (int given = 0; given <= 4; ++given) {
        std::vector<float> out(4, -1.0f), expected(4, 0.0f);
        std::copy_n(in.begin(), given, expected.begin());
        // A source of exactly `given` elements, so that AddressSanitizer finds reads past it.
        const std::vector<float> source(in.begin(), in.begin() + given);
        if (given == 0 || reinterpret_cast<std::uintptr_t>(source.data()) % 16 == 0) {
            launch(fill_with_zeros, 1, 1, 0, source.data(), given, out.data());
            CHECK(out == expected);
        }
    }
}

TEST_CASE("asynchronous copies are aligned to their size") {
    alignas(16) const char in[64] = {};
    for (const auto& [target, source, bytes] :
         {std::array{0, 0, 16}, {16, 32, 16}, {8, 24, 8}, {4, 12, 4}, {0, 16, 48}, {8, 40, 24}})
        CHECK(error_of([&] { launch(copy_misaligned, 1, 1, 0, in, target, source, bytes); }).empty());
    for (const auto& [target, source, bytes] :
         {std::array{8, 0, 16}, {0, 8, 16}, {4, 0, 8}, {0, 2, 4}, {8, 0, 48}})
        contains(error_of([&] { launch(copy_misaligned, 1, 1, 0, in, target, source, bytes); }),
                 "not aligned to");
}
