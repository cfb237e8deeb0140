#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "kernels/simt/simt.cuh"
#include "tests/catch.hpp"
#include "tests/simt/orders.hpp"

using namespace dnsp;
using namespace dnsp::simt;

namespace {

// ---- Code that CUDA rejects, or that this project forbids, must not compile.

template <class A, class B>
concept CanBeCompared = requires(A a, B b) {
    min(a, b), max(a, b);
};
template <class T, class Value>
concept CanBeAdded = requires(T* address, Value value) {
    atomicAdd(address, value);
};

static_assert(std::is_same_v<decltype(min(1, 2u)), unsigned>);
static_assert(std::is_same_v<decltype(max(short(1), 'a')), int>);
static_assert(std::is_same_v<decltype(max(1L, 2L)), long>);
static_assert(std::is_same_v<decltype(min(1.0f, 2.0f)), float>);
static_assert(std::is_same_v<decltype(min(1.0f, 2.0)), double>);
static_assert(!CanBeCompared<int, std::int64_t>);
static_assert(!CanBeCompared<int, float>);

static_assert(CanBeAdded<int, int> && CanBeAdded<unsigned, int> && CanBeAdded<unsigned long long, unsigned>);
static_assert(!CanBeAdded<std::int64_t, int>);
static_assert(!CanBeAdded<float, float> && !CanBeAdded<double, double> && !CanBeAdded<double, int>);

static_assert(alignof(float4) == 16 && sizeof(float4) == 16 && alignof(double2) == 16 &&
              alignof(float2) == 8);
static_assert(sizeof(uint3) == 12 && alignof(uint3) == 4 && alignof(int4) == 16 && alignof(uint2) == 8);
static_assert(std::is_trivially_copyable_v<float4> && std::is_trivially_copyable_v<dim3>);

// ---- Atomics

struct Histogram {
    int signed_sum = 0, least = 1000, greatest = -1000, bits_or = 0, bits_and = -1;
    unsigned count = 0, claimed = 0;
    unsigned long long wide_sum = 0;
    int tickets[256] = {};
};

__global__ void use_atomics(Histogram* h) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    atomicAdd(&h->signed_sum, i % 2 == 0 ? -i : i);
    atomicMin(&h->least, i - 50);
    atomicMax(&h->greatest, i - 50);
    atomicOr(&h->bits_or, i);
    atomicAnd(&h->bits_and, ~i);
    __syncthreads();
    atomicAdd(&h->wide_sum, 1ull << 33);
    if (atomicCAS(&h->claimed, 0u, static_cast<unsigned>(i) + 1) == 0) atomicExch(&h->greatest, 77);
    h->tickets[atomicAdd(&h->count, 1u)] += 1;
}

}  // namespace

TEST_CASE("integer atomics") {
    testing::for_each_thread_order([] {
        Histogram h;
        launch(use_atomics, 4, 64, 0, &h);
        CHECK(h.signed_sum == 128);
        CHECK(h.least == -50);
        CHECK(h.bits_or == 255);
        CHECK(h.bits_and == ~255);
        CHECK(h.count == 256);
        CHECK(h.wide_sum == 256ull << 33);
        CHECK(h.claimed > 0);
        for (int ticket : h.tickets) CHECK(ticket == 1);
    });
}

TEST_CASE("atomics return the old value and wrap round") {
    int value = std::numeric_limits<int>::max();
    CHECK(atomicAdd(&value, 1) == std::numeric_limits<int>::max());
    CHECK(value == std::numeric_limits<int>::min());
    unsigned count = 3;
    CHECK(atomicAdd(&count, -4) == 3);
    CHECK(count == 0xffffffffu);
    CHECK(atomicCAS(&count, 5u, 6u) == 0xffffffffu);
    CHECK(count == 0xffffffffu);
    CHECK(atomicCAS(&count, 0xffffffffu, 6u) == 0xffffffffu);
    CHECK(atomicExch(&count, 9u) == 6);
    CHECK(atomicMin(&count, 10u) == 9);
    CHECK(count == 9);
}

TEST_CASE("min and max as CUDA has them") {
    const float not_a_number = std::numeric_limits<float>::quiet_NaN();
    CHECK(min(3, 2u) == 2u);
    CHECK(max(-1, 2u) == 0xffffffffu);
    CHECK(max(-1LL, 2LL) == 2);
    CHECK(min(-1.5f, 2.0) == -1.5);
    CHECK(min(not_a_number, 2.0f) == 2.0f);
    CHECK(max(2.0, static_cast<double>(not_a_number)) == 2.0);
    CHECK(std::isnan(max(not_a_number, not_a_number)));
}

TEST_CASE("bits") {
    CHECK(__popc(0xf0f0u) == 8);
    CHECK(__popcll(~0ull) == 64);
    CHECK(__ffs(0) == 0);
    CHECK(__ffs(1) == 1);
    CHECK(__ffs(std::numeric_limits<int>::min()) == 32);
    CHECK(__ffsll(1ll << 40) == 41);
    CHECK(__clz(0) == 32);
    CHECK(__clz(1) == 31);
    CHECK(__clz(-1) == 0);
    CHECK(__clzll(1) == 63);
    CHECK(__float_as_uint(1.0f) == 0x3f800000u);
    CHECK(__uint_as_float(0x40000000u) == 2.0f);
    CHECK(__float_as_int(-0.0f) == std::numeric_limits<int>::min());
    CHECK(__int_as_float(0x3f000000) == 0.5f);
    CHECK(__longlong_as_double(__double_as_longlong(-2.5)) == -2.5);
}

TEST_CASE("arithmetic that the C library does not have") {
    const float value = 4.0f;
    CHECK(rsqrtf(value) == 0.5f);
    CHECK(rsqrt(16.0) == 0.25);
    CHECK(__fdividef(3.0f, 2.0f) == 1.5f);
    CHECK(__ldg(&value) == 4.0f);
    CHECK(fmaf(2.0f, 3.0f, 1.0f) == 7.0f);
    CHECK(make_float4(1, 2, 3, 4).w == 4.0f);
    CHECK(make_double2(1, 2).y == 2.0);
    CHECK(dim3(make_uint3(1, 2, 3)).z == 3);
    CHECK(dim3(5).y == 1);
}
