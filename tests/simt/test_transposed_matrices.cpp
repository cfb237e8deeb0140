// 8 × 8 matrices of 2-byte elements, transposed between shared memory and registers.
#include <vector>

#include "kernels/simt/ptx.cuh"
#include "tests/catch.hpp"
#include "tests/simt/orders.hpp"

using namespace dnsp;

namespace {

/// Loads two 8 × 8 matrices of 2-byte elements from rows anywhere in shared memory, transposed into words.
/// Adds 1 to both halves of each word and stores them as rows.
__global__ void transpose_matrices(const int* rows, const uint4* memory, std::uint32_t* words, uint4* after) {
    __shared__ simt::SharedArray<uint4, 20> shared;
    const unsigned lane = threadIdx.x;
    if (lane < 20) shared[lane] = memory[lane];
    __syncwarp();
    std::uint32_t two[2];
    simt::ldmatrix_x2_transposed(two, &shared[rows[lane]]);
    for (unsigned i = 0; i < 2; ++i) words[i * 32 + lane] = two[i]++;
    simt::stmatrix_x2_transposed(&shared[rows[lane]], {two[0] + 0x10000u, two[1] + 0x10000u});
    __syncwarp();
    if (lane < 20) after[lane] = shared[lane];
}

}  // namespace

TEST_CASE("ldmatrix and stmatrix transposed hand rows 2t and 2t + 1 of column g to lane 4g + t, and back") {
    testing::for_each_thread_order([] {
        std::vector<std::uint16_t> memory(160), after(160);
        for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<std::uint16_t>(1000 + i);
        // Lanes 16…31 only need a valid address.
        std::vector<int> rows(32, 0);
        for (std::size_t i = 0; i < 16; ++i) rows[i] = static_cast<int>(i * 7 % 20);
        std::vector<std::uint32_t> words(64);
        simt::launch(transpose_matrices, dim3(1), dim3(32), 0, rows.data(),
                     reinterpret_cast<const uint4*>(memory.data()), words.data(),
                     reinterpret_cast<uint4*>(after.data()));
        std::vector<std::uint16_t> expected = memory;
        for (std::size_t matrix = 0; matrix < 2; ++matrix)
            for (std::size_t row = 0; row < 8; ++row)
                for (std::size_t column = 0; column < 8; ++column) {
                    const std::size_t at = static_cast<std::size_t>(rows[8 * matrix + row]) * 8 + column;
                    const std::uint32_t word = words[32 * matrix + 4 * column + row / 2];
                    REQUIRE((word >> 16 * (row % 2) & 0xffffu) == memory[at]);
                    ++expected[at];
                }
        CHECK(after == expected);
    });
}
