// wgmma against plain loops, and the errors of wrong use.
#include <bit>
#include <cmath>
#include <vector>

#include "kernels/bfloat16.hpp"
#include "kernels/simt/ptx.cuh"
#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/simt/errors.hpp"
#include "tests/simt/orders.hpp"
#include "tests/simt/races.hpp"

using namespace dnsp;
using namespace dnsp::simt;
using kernels::bfloat16;
using testing::contains;
using testing::error_of;

namespace {

constexpr int warpgroups = 2, rows = 64, depth = 64;

enum class Mistake { none, no_wait, overwritten, no_fence, different, no_commit, out_of_memory };

/// Index of element `along` of row `across` in consecutive patterns.
constexpr int in_patterns(int across, int along) {
    return across * 64 + ((along / 8) ^ (across % 8)) * 8 + along % 8;
}

/// d = 2·(a·b) by two warpgroups. Rows a[group][row][k] and columns b[column][k] are laid out in shared
/// memory; the products over all k are started twice.
template <int columns, Runs a_runs, Runs b_runs>
__global__ void multiply(const bfloat16* a, const bfloat16* b, Mistake mistake, float* d) {
    constexpr int groups_of_columns = (columns + 63) / 64, a_elements = rows * depth;
    constexpr int b_elements = (b_runs == Runs::across ? groups_of_columns * 64 : columns) * depth;
    const auto memory = dynamic_shared<bfloat16>(warpgroups * a_elements + b_elements);
    bfloat16* const b_memory = memory.data() + warpgroups * a_elements;
    const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
    for (int i = thread; i < warpgroups * a_elements; i += threads) {
        const int group = i / a_elements, row = i / depth % rows, k = i % depth;
        memory[group * a_elements + (a_runs == Runs::along_k ? in_patterns(row, k) : in_patterns(k, row))] =
            a[i];
    }
    for (int i = thread; i < columns * depth; i += threads) {
        const int column = i / depth, k = i % depth;
        b_memory[b_runs == Runs::along_k ? in_patterns(column, k)
                                         : column / 64 * 64 * depth + in_patterns(k, column % 64)] = b[i];
    }
    fence_for_bulk_copies();
    __syncthreads();

    const int group = thread / 128, warp = thread / 32 % 4, g = thread % 32 / 4, t = thread % 4;
    auto a_matrix = matrix_descriptor(memory.data() + group * a_elements);
    const auto b_matrix = matrix_descriptor(b_memory, 64 * depth * 2);
    if (mistake == Mistake::different && thread % 128 == 77) a_matrix = advanced(a_matrix, 32);
    if (mistake == Mistake::out_of_memory) a_matrix = advanced(a_matrix, 1 << 17);
    constexpr int a_step = a_runs == Runs::along_k ? 32 : 2048, b_step = b_runs == Runs::along_k ? 32 : 2048;
    float sums[columns / 2];
    for (float& sum : sums) sum = 0.25f;
    if (mistake != Mistake::no_fence) wgmma_fence();
    for (int turn = 0; turn < 2; ++turn) {
        for (int k = 0; k < depth / 16; ++k)
            wgmma_bf16<columns, a_runs, b_runs>(sums, advanced(a_matrix, k * a_step),
                                                advanced(b_matrix, k * b_step), turn > 0 || k > 0);
        if (mistake != Mistake::no_commit) wgmma_commit();
    }
    if (mistake == Mistake::overwritten) {
        __syncthreads();
        b_memory[0] = bfloat16(100.0f);
    }
    if (mistake == Mistake::no_wait)
        wgmma_wait<1>();
    else
        wgmma_wait<0>();
    settle(sums);
    for (int i = 0; i < columns / 2; ++i)
        d[(group * rows + 16 * warp + g + i / 2 % 2 * 8) * columns + i / 4 * 8 + 2 * t + i % 2] = sums[i];
    if (mistake == Mistake::no_wait) wgmma_wait<0>();
}

std::vector<bfloat16> random(int count, std::uint64_t seed) {
    std::vector<bfloat16> out;
    for (const double value : reference::uniform(count, seed)) out.emplace_back(static_cast<float>(value));
    return out;
}
double number(bfloat16 value) { return static_cast<double>(static_cast<float>(value)); }

template <int columns, Runs a_runs, Runs b_runs>
struct Case {
    const std::vector<bfloat16> a = random(warpgroups * rows * depth, 1), b = random(columns * depth, 2);

    std::vector<float> run(Mistake mistake) const {
        std::vector<float> d(warpgroups * rows * columns);
        launch(multiply<columns, a_runs, b_runs>, dim3(1), dim3(warpgroups * 128),
               2 * (a.size() + (columns + 63) / 64 * 64 * depth), a.data(), b.data(), mistake, d.data());
        return d;
    }
    std::vector<double> expected() const {
        std::vector<double> d(warpgroups * rows * columns, 0.0);
        for (std::size_t i = 0; i < d.size(); ++i)
            for (std::size_t k = 0; k < depth; ++k)
                d[i] += 2 * number(a[i / columns * depth + k]) * number(b[i % columns * depth + k]);
        return d;
    }
    void check() const {
        INFO(columns << " columns, A " << (a_runs == Runs::across ? "across" : "along k") << ", B "
                     << (b_runs == Runs::across ? "across" : "along k"));
        testing::for_each_thread_order(
            [&] { CHECK(reference::relative_error(run(Mistake::none), expected()) < 1e-6); });
    }
};

const Case<64, Runs::along_k, Runs::across> example;

}  // namespace

TEST_CASE("wgmma multiplies matrices that run along k or across it") {
    Case<64, Runs::along_k, Runs::along_k>{}.check();
    Case<64, Runs::across, Runs::along_k>{}.check();
    Case<64, Runs::across, Runs::across>{}.check();
    Case<192, Runs::across, Runs::across>{}.check();
    Case<192, Runs::along_k, Runs::along_k>{}.check();
    Case<200, Runs::along_k, Runs::along_k>{}.check();
    Case<200, Runs::along_k, Runs::across>{}.check();
    example.check();
}

TEST_CASE("planted: sums are read while a product that adds to them is in flight") {
    testing::for_each_thread_order([] {
        for (const float value : example.run(Mistake::no_wait)) REQUIRE(std::isnan(value));
    });
}

TEST_CASE("planted: operands are overwritten before their product has been waited for") {
    const testing::WithoutRaceDetection accesses_race_on_purpose;
    testing::for_each_thread_order([] {
        CHECK(reference::relative_error(example.run(Mistake::overwritten), example.expected()) > 1e-3);
    });
}

TEST_CASE(
    "planted: products without a fence, a commit, shared memory, or the other threads of the warpgroup") {
    testing::for_each_thread_order([] {
        const auto error = [](Mistake mistake) { return error_of([=] { example.run(mistake); }); };
        CHECK(error(Mistake::none).empty());
        contains(error(Mistake::no_fence), "wgmma without wgmma_fence() before it");
        contains(error(Mistake::no_commit), "returns without waiting for its products");
        contains(error(Mistake::out_of_memory), "reaches beyond the block's dynamic shared memory");
        contains(error(Mistake::different), "threads of a warpgroup start different products");
    });
}
