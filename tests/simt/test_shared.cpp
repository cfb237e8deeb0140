#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/simt/simt.cuh"
#include "tests/catch.hpp"
#include "tests/simt/errors.hpp"
#include "tests/simt/orders.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

using namespace dnsp;
using namespace dnsp::simt;
using testing::contains;
using testing::error_of;

namespace {

/// Transposes a matrix of whole 16 × 16 tiles, one block of 16 × 4 threads per tile.
__global__ void transpose(int rows, int cols, const float* in, float* out) {
    __shared__ SharedArray<float, 16, 17> tile;
    const int x = static_cast<int>(threadIdx.x), first_row = static_cast<int>(blockIdx.y) * 16,
              first_col = static_cast<int>(blockIdx.x) * 16;
    for (int y = static_cast<int>(threadIdx.y); y < 16; y += 4)
        tile[y][x] = in[(first_row + y) * cols + first_col + x];
    __syncthreads();
    for (int y = static_cast<int>(threadIdx.y); y < 16; y += 4)
        out[(first_col + y) * rows + first_row + x] = tile[x][y];
}

// ---- What shared memory holds when a block starts

struct Found {
    int whole_static = 0, whole_dynamic = 0, small = 0;
};

/// Counts NaNs before writing everything.
__global__ void look_then_write(Found* found) {
    __shared__ SharedArray<float, 8, 32> numbers;
    __shared__ SharedArray<unsigned char, 3> bytes;
    auto dynamic = dynamic_shared<double>(32, 16);
    const unsigned t = threadIdx.x;
    bool all_nan = true;
    for (int row = 0; row < 8; ++row) all_nan = all_nan && isnan(numbers[row][t]);
    found[blockIdx.x].whole_static += all_nan;
    found[blockIdx.x].whole_dynamic += isnan(dynamic[t]);
    if (t < 3) found[blockIdx.x].small += bytes[t] == 0xFF;
    for (int row = 0; row < 8; ++row) numbers[row][t] = 1.0f;
    dynamic[t] = 1.0;
    if (t < 3) bytes[t] = 1;
}

__device__ __forceinline__ int same_array(int thread) {
    __shared__ SharedArray<int, 32> values;
    const int before = values[thread];
    values[thread] = 7;
    return before;
}
__global__ void first_user(int* out) { out[threadIdx.x] = same_array(static_cast<int>(threadIdx.x)); }
__global__ void second_user(int* out) { out[threadIdx.x] = same_array(static_cast<int>(threadIdx.x)); }

// ---- Addresses

struct alignas(16) Quad {
    float4 value;
};

__global__ void take_addresses(std::uintptr_t* out) {
    __shared__ SharedArray<unsigned char, 5> odd;
    __shared__ SharedArray<Quad, 2, 3> quads;
    auto dynamic = dynamic_shared<float>(3, 16);
    quads[1][2].value = make_float4(1, 2, 3, 4);
    out[0] = reinterpret_cast<std::uintptr_t>(odd.data());
    out[1] = reinterpret_cast<std::uintptr_t>(quads.data());
    out[2] = reinterpret_cast<std::uintptr_t>(dynamic.data());
    out[3] = static_cast<std::uintptr_t>(&quads[1][2] - quads.data());
    out[4] = static_cast<std::uintptr_t>(quads[1].data() - quads.data());
}

// ---- How much there is

__global__ void use_static_and_dynamic() {
    __shared__ SharedArray<float, 40, 256> most;
    most[0][threadIdx.x] = 1;
}
__global__ void use_too_much_static() {
    __shared__ SharedArray<char, 30 << 10> one;
    __shared__ SharedArray<char, 30 << 10> two;
    one[0] = two[0] = 1;
}
__global__ void use_dynamic(std::size_t count, std::size_t offset) {
    auto values = dynamic_shared<float>(count, offset);
    if (count > 0) values[count - 1] = 1;
}
__global__ void forget_shared() {
    SharedArray<float, 4> values{};
    values[0] = 1;
}

}  // namespace

TEST_CASE("a two-dimensional shared array") {
    const int rows = 48, cols = 32;
    std::vector<float> in(rows * cols), expected(in.size());
    for (std::size_t i = 0; i < in.size(); ++i) {
        in[i] = static_cast<float>(i);
        expected[i % cols * rows + i / cols] = in[i];
    }
    testing::for_each_thread_order([&] {
        std::vector<float> out(in.size(), -1.0f);
        launch(transpose, dim3(cols / 16, rows / 16), dim3(16, 4), 0, rows, cols, in.data(), out.data());
        CHECK(out == expected);
    });
}

TEST_CASE("every block starts with shared memory full of NaN") {
    testing::for_each_thread_order([] {
        for (int repeat = 0; repeat < 3; ++repeat) {
            std::vector<Found> found(5);
            launch(look_then_write, 5, 32, 16 + 32 * sizeof(double), found.data());
            for (const Found& f : found) {
                CHECK(f.whole_static == 32);
                CHECK(f.whole_dynamic == 32);
                CHECK(f.small == 3);
            }
        }
    });
}

TEST_CASE("a shared array of a function that two kernels call starts anew in both") {
    const std::vector<int> all_bits(32, -1);
    std::vector<int> first(32), second(32);
    launch(first_user, 1, 32, 0, first.data());
    launch(second_user, 1, 32, 0, second.data());
    CHECK(first == all_bits);
    CHECK(second == all_bits);
}

TEST_CASE("shared memory is aligned to 16 bytes, and rows follow one another") {
    std::vector<std::uintptr_t> out(5);
    launch(take_addresses, 1, 1, 16 + 3 * sizeof(float), out.data());
    CHECK(out[0] % 16 == 0);
    CHECK(out[1] % 16 == 0);
    CHECK(out[2] % 16 == 0);
    CHECK(out[3] == 5);
    CHECK(out[4] == 3);
}

TEST_CASE("no more shared memory than a block has, and no more of it dynamic than the launch asks for") {
    const std::size_t room = (227 << 10) - 40 * 256 * sizeof(float);
    CHECK(error_of([&] { launch(use_static_and_dynamic, 1, 2, room); }).empty());
    contains(error_of([&] { launch(use_static_and_dynamic, 1, 2, room + 1); }), "more shared memory");
    contains(error_of([] { launch(use_too_much_static, 1, 2, 0); }), "48 KiB of it static");

    CHECK(error_of([] { launch(use_dynamic, 1, 1, 48, 8u, 16u); }).empty());
    CHECK(error_of([] { launch(use_dynamic, 1, 1, 48, 0u, 48u); }).empty());
    for (const auto& [count, offset] :
         {std::pair<std::size_t, std::size_t>{9, 16}, {12, 4}, {0, 49}, {1, ~0u}})
        contains(error_of([&] { launch(use_dynamic, 1, 1, 48, count, offset); }), "the launch asks for 48");
}

TEST_CASE("a shared array that is not declared __shared__ is found out") {
    contains(error_of([] { launch(forget_shared, 1, 1, 0); }), "not declared __shared__");
}

#if defined(__SANITIZE_ADDRESS__)
TEST_CASE("AddressSanitizer knows where dynamic shared memory and device memory end") {
    host::run_grid(1, 1, 100, [] {
        const char* memory = dynamic_shared<char>(100).data();
        CHECK(!__asan_address_is_poisoned(memory + 99));
        CHECK(__asan_address_is_poisoned(memory + 100));
        CHECK(__asan_address_is_poisoned(memory - 1));
    });
    const char* memory = static_cast<const char*>(allocate(100));
    CHECK(!__asan_address_is_poisoned(memory + 99));
    CHECK(__asan_address_is_poisoned(memory + 100));
    release(const_cast<char*>(memory));
}

TEST_CASE("AddressSanitizer knows where a static shared array ends") {
    host::run_grid(1, 1, 0, [] {
        __shared__ SharedArray<float, 32> values;
        CHECK(!__asan_address_is_poisoned(values.data() + 31));
        CHECK(__asan_address_is_poisoned(values.data() + 32));
    });
}
#endif
