#include "kernels/simt/ptx.cuh"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/rounding.hpp"
#include "tests/simt/orders.hpp"
#include "tests/simt/races.hpp"

// Runs in the CUDA emulator and checks the semantics that kernel tests rely on there. On a GPU the kernel
// tests check the instructions themselves.

using namespace dnsp;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity(),
                not_a_number = std::numeric_limits<float>::quiet_NaN();

/// Numbers of all magnitudes, midpoints between numbers of 8 and of 11 digits, and extremes.
std::vector<float> numbers() {
    std::vector<float> out{0.0f,
                           -0.0f,
                           1.0f,
                           -1.0f,
                           infinity,
                           -infinity,
                           0x1p-149f,
                           -3e-42f,
                           0x1p-126f,
                           0x1.004p0f,
                           0x1.00cp0f,
                           0x1.01p0f,
                           0x1.03p0f,
                           -0x1.004p5f,
                           -0x1.03p9f,
                           0x1.ffep3f,
                           0x1.ffp3f,
                           0x1.003ffep0f,
                           0x1.004002p0f,
                           0x1.00fffep0f,
                           0x1.010002p0f,
                           std::numeric_limits<float>::max(),
                           std::numeric_limits<float>::lowest()};
    const auto digits = reference::uniform(300, 1);
    for (std::size_t i = 0; i < digits.size(); ++i)
        out.push_back(static_cast<float>(std::ldexp(digits[i], static_cast<int>(i) - 150)));
    return out;
}

/// The number that a tensor core reads from a word: it ignores the last 13 bits of a float.
double seen(std::uint32_t tf32) { return static_cast<double>(std::bit_cast<float>(tf32 >> 13 << 13)); }

// ---- Kernels. A warp multiplies one pair of matrices: row-major A, B, C into row-major D.

__global__ void multiply_tf32(const float* a, const float* b, const float* c, float* d) {
    const unsigned warp = threadIdx.x / 32, g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    a += warp * 128, b += warp * 64, c += warp * 128, d += warp * 128;
    const auto bits = [](float value) { return __float_as_uint(value); };
    const std::uint32_t rows[4]{bits(a[g * 8 + t]), bits(a[(g + 8) * 8 + t]), bits(a[g * 8 + t + 4]),
                                bits(a[(g + 8) * 8 + t + 4])};
    const float sums[4]{c[g * 8 + 2 * t], c[g * 8 + 2 * t + 1], c[(g + 8) * 8 + 2 * t],
                        c[(g + 8) * 8 + 2 * t + 1]};
    float out[4];
    simt::mma_m16n8k8_tf32(out, rows, bits(b[t * 8 + g]), bits(b[(t + 4) * 8 + g]), sums);
    for (unsigned i = 0; i < 4; ++i) d[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = out[i];
}

__global__ void multiply_bfloat16(const float* a, const float* b, const float* c, float* d) {
    const unsigned warp = threadIdx.x / 32, g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    a += warp * 256, b += warp * 128, c += warp * 128, d += warp * 128;
    std::uint32_t rows[4], columns[2];
    for (unsigned i = 0; i < 4; ++i) {
        const float* pair = a + (g + i % 2 * 8) * 16 + 2 * t + i / 2 * 8;
        rows[i] = simt::pack_bfloat16x2(pair[0], pair[1]);
    }
    for (unsigned i = 0; i < 2; ++i)
        columns[i] = simt::pack_bfloat16x2(b[(2 * t + i * 8) * 8 + g], b[(2 * t + 1 + i * 8) * 8 + g]);
    float sums[4];
    for (unsigned i = 0; i < 4; ++i) sums[i] = c[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
    simt::mma_m16n8k16_bf16(sums, rows, columns[0], columns[1], sums);
    for (unsigned i = 0; i < 4; ++i) d[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = sums[i];
}

__global__ void multiply_f64(const double* a, const double* b, const double* c, double* d) {
    const unsigned warp = threadIdx.x / 32, g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    a += warp * 128, b += warp * 64, c += warp * 128, d += warp * 128;
    const double rows[4]{a[g * 8 + t], a[(g + 8) * 8 + t], a[g * 8 + t + 4], a[(g + 8) * 8 + t + 4]};
    double sums[4];
    for (unsigned i = 0; i < 4; ++i) sums[i] = c[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
    simt::mma_m16n8k8_f64(sums, rows, b[t * 8 + g], b[(t + 4) * 8 + g], sums);
    for (unsigned i = 0; i < 4; ++i) d[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = sums[i];
}

/// out[warp][matrix][row][word] of four 8 × 4 matrices with rows anywhere in shared memory.
__global__ void gather_matrices(const int* rows, const uint4* memory, std::uint32_t* out) {
    __shared__ simt::SharedArray<uint4, 100> shared;
    for (unsigned i = threadIdx.x; i < 100; i += blockDim.x) shared[i] = memory[i];
    __syncthreads();
    std::uint32_t words[4];
    simt::ldmatrix_x4(words, &shared[rows[threadIdx.x]]);
    // A lane may overwrite its source at once.
    shared[rows[threadIdx.x]] = {0, 0, 0, 0};
    for (unsigned i = 0; i < 4; ++i) out[threadIdx.x / 32 * 128 + i * 32 + threadIdx.x % 32] = words[i];
}

/// out[copy][thread] for three groups of 1, 2 and 1 copies: all four copies after waiting for all but one
/// group, then the last copy after waiting for all groups.
template <int bytes>
__global__ void copy_in_groups(const unsigned char* from, unsigned char* out, bool present) {
    __shared__ simt::SharedArray<unsigned char, 4, 32, 16> shared;
    const unsigned i = threadIdx.x;
    for (int copy = 0; copy < 4; ++copy)
        for (int k = 0; k < bytes; ++k) shared[copy][i][k] = 200;
    const auto start = [&](int copy) {
        simt::cp_async<bytes>(&shared[copy][i][0],
                              present ? from + (static_cast<unsigned>(copy) * 32 + i) * bytes : nullptr,
                              present);
    };
    start(0);
    simt::cp_async_commit();
    start(1);
    start(2);
    simt::cp_async_commit();
    start(3);
    simt::cp_async_commit();
    simt::cp_async_wait<1>();
    const auto write = [&](unsigned result, int copy) {
        for (unsigned k = 0; k < bytes; ++k) out[(result * 32 + i) * bytes + k] = shared[copy][i][k];
    };
    for (int copy = 0; copy < 4; ++copy) write(static_cast<unsigned>(copy), copy);
    simt::cp_async_wait<0>();
    write(4, 3);
}

template <int bytes>
void check_copies(bool present) {
    INFO(bytes << " bytes, " << (present ? "present" : "absent"));
    alignas(16) std::array<unsigned char, 4 * 32 * bytes> from;
    std::array<unsigned char, 5 * 32 * bytes> out;
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<unsigned char>(i % 199);
    simt::launch(copy_in_groups<bytes>, dim3(1), dim3(32), 0, from.data(), out.data(), present);
    constexpr std::size_t one = 32 * bytes;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const unsigned char arrived = !present ? 0 : from[i < 4 * one ? i : i - one];
        REQUIRE(int(out[i]) == int(i / one == 3 ? 200 : arrived));
    }
}

/// Two warps each multiply a rows × depth matrix by a depth × 8 matrix and add a third. `seen` is the number
/// that the product reads from an element.
template <class T, class Seen>
void check_products(void (*kernel)(const T*, const T*, const T*, T*), std::size_t rows, std::size_t depth,
                    double bound, Seen seen) {
    const auto array = [](std::size_t count, std::uint64_t seed) {
        return reference::cast<T>(reference::uniform(static_cast<std::int64_t>(2 * count), seed));
    };
    const std::vector<T> a = array(rows * depth, 1), b = array(depth * 8, 2), c = array(rows * 8, 3);
    std::vector<double> expected = reference::widen(c);
    for (std::size_t warp = 0; warp < 2; ++warp)
        for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t j = 0; j < 8; ++j)
                for (std::size_t k = 0; k < depth; ++k)
                    expected[(warp * rows + i) * 8 + j] +=
                        seen(a[(warp * rows + i) * depth + k]) * seen(b[(warp * depth + k) * 8 + j]);
    testing::for_each_thread_order([&] {
        std::vector<T> d(c.size());
        simt::launch(kernel, dim3(1), dim3(64), 0, a.data(), b.data(), c.data(), d.data());
        CHECK(reference::relative_error(d, expected) < bound);
    });
}

}  // namespace

TEST_CASE("round_to_tf32 rounds to the nearest number of 11 digits, ties away from zero") {
    for (float value : numbers()) {
        const auto result = std::bit_cast<float>(simt::round_to_tf32(value));
        INFO(value);
        CHECK(static_cast<double>(result) == reference::round_to_tf32(static_cast<double>(value)));
        CHECK(std::signbit(result) == std::signbit(value));
    }
    CHECK(std::isnan(seen(simt::round_to_tf32(not_a_number))));
    CHECK(std::isnan(seen(simt::round_to_tf32(std::bit_cast<float>(0xffffffffu)))));
}

TEST_CASE(
    "pack_bfloat16x2 rounds to the nearest numbers of 8 digits, ties to even, the first one into the low "
    "half") {
    const auto unpack = [](std::uint32_t half) { return std::bit_cast<float>(half << 16); };
    const auto values = numbers();
    for (std::size_t i = 0; i < values.size(); ++i) {
        const float low = values[i], high = values[values.size() - 1 - i];
        const std::uint32_t both = simt::pack_bfloat16x2(low, high);
        const std::uint32_t rectified = simt::pack_bfloat16x2<true>(low, high);
        INFO(low << " and " << high);
        CHECK(rectified == ((low > 0 ? both & 0xffffu : 0u) | (high > 0 ? both & 0xffff0000u : 0u)));
        CHECK(static_cast<double>(unpack(both & 0xffffu)) ==
              reference::round_to_bfloat16(static_cast<double>(low)));
        CHECK(static_cast<double>(unpack(both >> 16)) ==
              reference::round_to_bfloat16(static_cast<double>(high)));
    }
    CHECK(std::isnan(unpack(simt::pack_bfloat16x2(not_a_number, 1.0f) & 0xffffu)));
    CHECK(std::isnan(unpack(simt::pack_bfloat16x2(1.0f, std::bit_cast<float>(0xffffffffu)) >> 16)));
    CHECK(std::isnan(unpack(simt::pack_bfloat16x2<true>(1.0f, std::bit_cast<float>(0xffffffffu)) >> 16)));
}

TEST_CASE("load_or_zero reads nothing where nothing is present") {
    alignas(16) const float values[4]{1, 2, 3, 4};
    const float4 there = simt::load_or_zero(values, true), absent = simt::load_or_zero(nullptr, false);
    CHECK((there.x == 1 && there.y == 2 && there.z == 3 && there.w == 4));
    CHECK((absent.x == 0 && absent.y == 0 && absent.z == 0 && absent.w == 0));
}

TEST_CASE("mma m16n8k8 tf32 multiplies 16×8 by 8×8, and ignores the last 13 bits") {
    check_products(multiply_tf32, 16, 8, 1e-7,
                   [](float value) { return seen(std::bit_cast<std::uint32_t>(value)); });
}

TEST_CASE("mma m16n8k16 bfloat16 multiplies 16×16 by 16×8") {
    check_products(multiply_bfloat16, 16, 16, 1e-7,
                   [](float value) { return reference::round_to_bfloat16(static_cast<double>(value)); });
}

TEST_CASE("mma m16n8k8 float64 multiplies 16×8 by 8×8") {
    check_products(multiply_f64, 16, 8, 1e-15, [](double value) { return value; });
}

TEST_CASE("a NaN in a matrix reaches the row or the column of the product that it belongs to, and no other") {
    std::vector<float> a(128, 1.0f), b(64, 1.0f), c(128, 0.0f), d(128);
    a[5 * 8 + 3] = not_a_number;
    b[6 * 8 + 2] = not_a_number;
    c[15 * 8 + 7] = infinity;
    simt::launch(multiply_tf32, dim3(1), dim3(32), 0, a.data(), b.data(), c.data(), d.data());
    for (std::size_t row = 0; row < 16; ++row)
        for (std::size_t column = 0; column < 8; ++column) {
            const float value = d[row * 8 + column];
            INFO(row << ", " << column);
            CHECK(std::isnan(value) == (row == 5 || column == 2));
            if (!std::isnan(value)) CHECK(value == (row == 15 && column == 7 ? infinity : 8.0f));
        }
}

TEST_CASE("ldmatrix hands word t of row g of each of four matrices to lane 4g + t") {
    testing::for_each_thread_order([] {
        std::vector<std::uint32_t> memory(400), out(2 * 128);
        for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<std::uint32_t>(1000 + i);
        std::vector<int> rows(64);
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int>(i * 37 % 100);
        simt::launch(gather_matrices, dim3(1), dim3(64), 0, rows.data(),
                     reinterpret_cast<const uint4*>(memory.data()), out.data());
        for (std::size_t warp = 0; warp < 2; ++warp)
            for (std::size_t matrix = 0; matrix < 4; ++matrix)
                for (std::size_t row = 0; row < 8; ++row)
                    for (std::size_t word = 0; word < 4; ++word) {
                        const auto source = static_cast<std::size_t>(rows[32 * warp + 8 * matrix + row]);
                        REQUIRE(out[128 * warp + 32 * matrix + 4 * row + word] == memory[4 * source + word]);
                    }
    });
}

TEST_CASE("cp_async lands group by group, and writes zeros for what is absent without reading it") {
    const testing::WithoutRaceDetection accesses_race_on_purpose;
    testing::for_each_thread_order([] {
        for (bool present : {true, false}) {
            check_copies<4>(present);
            check_copies<8>(present);
            check_copies<16>(present);
        }
    });
}
