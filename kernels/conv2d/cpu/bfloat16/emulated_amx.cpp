// The instructions of AMX in C++ (Intel's instruction set reference): 32 products are summed in two sums, of
// the even and of the odd ones, which are added to one another and then to the tile.
#include <cstring>

#include "kernels/conv2d/cpu/bfloat16/emulated_arithmetic.hpp"
#include "kernels/conv2d/cpu/bfloat16/tiles.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

struct EmulatedTiles {
    struct Tile {
        float sums[tile_side][tile_side];
        bfloat16 numbers[tile_side][tile_depth];
    };
    static Tile& tile(int number) {
        static thread_local Tile tiles[8];
        return tiles[number];
    }

    template <int number>
    static void zero() {
        tile(number) = {};
    }
    template <int number>
    static void load(const bfloat16* from, std::int64_t row_bytes) {
        for (std::int64_t row = 0; row < tile_side; ++row)
            std::memcpy(tile(number).numbers[row], from + row * row_bytes / 2, sizeof(Tile::numbers[0]));
    }
    template <int number>
    static void load(const float* from, std::int64_t row_bytes) {
        for (std::int64_t row = 0; row < tile_side; ++row)
            std::memcpy(tile(number).sums[row], from + row * row_bytes / 4, sizeof(Tile::sums[0]));
    }
    template <int number>
    static void store(float* to, std::int64_t row_bytes) {
        for (std::int64_t row = 0; row < tile_side; ++row)
            std::memcpy(to + row * row_bytes / 4, tile(number).sums[row], sizeof(Tile::sums[0]));
    }
    template <int sums, int a, int b>
    static void add_products() {
        const auto &of_a = tile(a).numbers, &of_b = tile(b).numbers;
        for (int m = 0; m < tile_side; ++m)
            for (int n = 0; n < tile_side; ++n) {
                float even = 0.0f, odd = 0.0f;
                for (int k = 0; k < tile_side; ++k) {
                    even = add_product(of_a[m][2 * k], of_b[k][2 * n], even);
                    odd = add_product(of_a[m][2 * k + 1], of_b[k][2 * n + 1], odd);
                }
                float& sum = tile(sums).sums[m][n];
                sum = flushed(sum + flushed(even + odd));
            }
    }
};

bool is_available() { return true; }
bool is_fast() { return false; }
void multiply(const Bfloat16Product& product) { multiply_by_tiles<EmulatedTiles>(product); }

}  // namespace

const Bfloat16Unit emulated_amx_unit =
    unit_of_tiles("emulated-amx", is_available, is_fast, nullptr, nullptr, multiply);

}  // namespace dnsp::kernels::cpu::detail
