// Bulk tensor copies, and the errors of wrong use.
#include <numeric>
#include <vector>

#include "kernels/simt/ptx.cuh"
#include "tests/catch.hpp"
#include "tests/simt/errors.hpp"
#include "tests/simt/orders.hpp"
#include "tests/simt/races.hpp"

using namespace dnsp;
using namespace dnsp::simt;
using testing::contains;
using testing::error_of;

namespace {

constexpr std::uint16_t untouched = 0xFFFF;  // a NaN as bfloat16
constexpr std::size_t row_elements = 64;

/// A four-dimensional array. All elements differ; none is 0 or `untouched`.
struct Image {
    std::array<std::int64_t, 4> extents;
    std::vector<std::uint16_t> elements;

    explicit Image(const std::array<std::int64_t, 4>& e)
        : extents(e), elements(static_cast<std::size_t>(e[0] * e[1] * e[2] * e[3])) {
        std::iota(elements.begin(), elements.end(), std::uint16_t{1});
        REQUIRE(elements.size() < untouched);
    }
    /// Null out of bounds.
    const std::uint16_t* at(int channel, int x, int y, int image) const {
        const auto inside = [](std::int64_t i, std::int64_t extent) { return i >= 0 && i < extent; };
        if (!inside(channel, extents[0]) || !inside(x, extents[1]) || !inside(y, extents[2]) ||
            !inside(image, extents[3]))
            return nullptr;
        return &elements[static_cast<std::size_t>(((image * extents[2] + y) * extents[1] + x) * extents[0] +
                                                  channel)];
    }
};

/// Position of a box element in shared memory, in elements.
std::size_t place(std::size_t row, std::size_t channel) {
    return row * row_elements + ((channel / 8) ^ (row % 8)) * 8 + channel % 8;
}

enum class Mistake {
    none,
    no_wait,
    wrong_parity,
    no_expected_bytes,
    no_arrival,
    too_few_bytes,
    too_many_bytes,
    overwritten,
    no_wait_for_store,
    other_memory,
    misaligned
};

/// One thread loads the box at (channel, x, y, image) to row `rows_before` of shared memory. All threads copy
/// the shared memory out.
__global__ void load(const __grid_constant__ TensorMap map, int channel, int x, int y, int image, int rows,
                     int rows_before, Mistake mistake, std::uint16_t* out) {
    __shared__ SharedArray<std::uint64_t, 1> barrier;
    const auto memory =
        dynamic_shared<std::uint16_t>(static_cast<std::size_t>(rows_before + rows) * row_elements);
    std::uint16_t* target = memory.data() + static_cast<std::size_t>(rows_before) * row_elements;
    if (mistake == Mistake::misaligned) target -= 4 * row_elements;
    if (mistake == Mistake::other_memory) target += 8 * row_elements;
    const auto bytes = static_cast<std::uint32_t>(rows) * 128;
    if (threadIdx.x == 0) {
        mbarrier_init(barrier.data(), 1);
        mbarrier_fence_init();
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        if (mistake == Mistake::no_expected_bytes)
            mbarrier_arrive(barrier.data());
        else if (mistake != Mistake::no_arrival)
            mbarrier_arrive_expect_tx(barrier.data(), mistake == Mistake::too_few_bytes    ? bytes - 128
                                                      : mistake == Mistake::too_many_bytes ? bytes + 128
                                                                                           : bytes);
        load_box(target, map, barrier.data(), channel, x, y, image);
    }
    if (mistake != Mistake::no_wait) mbarrier_wait(barrier.data(), mistake == Mistake::wrong_parity ? 1 : 0);
    for (unsigned i = threadIdx.x; i < memory.count; i += blockDim.x) out[i] = memory[i];
    if (mistake == Mistake::no_wait || mistake == Mistake::wrong_parity) mbarrier_wait(barrier.data(), 0);
}

struct Loaded {
    std::vector<std::uint16_t> memory;
    std::string error;
};
Loaded load_with(Mistake mistake, const Image& image, const std::array<int, 4>& box,
                 const std::array<int, 4>& first, int rows_before = 0, unsigned threads = 64) {
    const TensorMap map = make_tensor_map(image.elements.data(), image.extents, box);
    const int rows = box[1] * box[2] * box[3];
    Loaded out{std::vector<std::uint16_t>(static_cast<std::size_t>(rows_before + rows) * row_elements), ""};
    out.error = error_of([&] {
        launch(load, 1, threads, out.memory.size() * 2, map, first[0], first[1], first[2], first[3], rows,
               rows_before, mistake, out.memory.data());
    });
    return out;
}

/// Writes rows of 64 numbers and stores them as boxes, twice from the same place.
__global__ void store_twice(const __grid_constant__ TensorMap map, int x, Mistake mistake) {
    const auto memory = dynamic_shared<std::uint16_t>(16 * row_elements);
    for (int turn = 0; turn < 2; ++turn) {
        for (unsigned i = threadIdx.x; i < memory.count; i += blockDim.x)
            memory[i] = static_cast<std::uint16_t>(1000 * (turn + 1) + i);
        fence_for_bulk_copies();
        __syncthreads();
        if (threadIdx.x == 0) {
            store_box(map, 0, x, turn, 0, memory.data());
            store_box_commit();
            if (mistake == Mistake::none) store_box_wait_read<0>();
        }
        __syncthreads();
    }
    if (mistake != Mistake::no_wait_for_store && threadIdx.x == 0) store_box_wait_read<0>();
}

/// Each of two warps writes 8 of 16 rows by stmatrix; warp `without_fence` omits the fence. One thread stores
/// the rows.
__global__ void store_matrices(const __grid_constant__ TensorMap map, unsigned without_fence) {
    const auto memory = dynamic_shared<uint4>(16 * 8);
    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    stmatrix_x2_transposed(&memory[8 * (8 * warp + lane % 8) + lane / 8 % 2], {lane, lane});
    if (warp != without_fence) fence_for_bulk_copies();
    __syncthreads();
    if (threadIdx.x == 0) {
        store_box(map, 0, 0, 0, 0, memory.data());
        store_box_commit();
        store_box_wait_read<0>();
    }
}

}  // namespace

TEST_CASE("a box lands row by row, its chunks swizzled, with zeros for what lies outside of the array") {
    const Image image({72, 5, 4, 3});
    for (const auto& [first, box] :
         {std::pair{std::array{0, 0, 0, 0}, std::array{64, 4, 3, 2}},  // inside
          {std::array{8, -2, -1, -1}, std::array{64, 8, 2, 3}},  // before the first, behind the last ones
          {std::array{-8, 3, 2, 2}, std::array{64, 3, 3, 2}},
          {std::array{64, 0, 9, 1}, std::array{64, 5, 1, 1}}})
        testing::for_each_thread_order([&, &at = first, &sides = box] {
            const auto [memory, error] = load_with(Mistake::none, image, sides, at, 8);
            REQUIRE(error.empty());
            for (std::size_t i = 0; i < 8 * row_elements; ++i) REQUIRE(memory[i] == untouched);
            std::size_t row = 8;
            for (int n = 0; n < sides[3]; ++n)
                for (int y = 0; y < sides[2]; ++y)
                    for (int x = 0; x < sides[1]; ++x, ++row)
                        for (int c = 0; c < sides[0]; ++c) {
                            const auto* element = image.at(at[0] + c, at[1] + x, at[2] + y, at[3] + n);
                            REQUIRE(memory[place(row, static_cast<std::size_t>(c))] ==
                                    (element ? *element : 0));
                        }
        });
}

TEST_CASE(
    "a stored box writes what lies inside of the array, and reads shared memory until it is waited for") {
    const testing::WithoutRaceDetection accesses_race_on_purpose;
    const auto run = [](Mistake mistake) {
        std::vector<std::uint16_t> image(64 * 20 * 2, untouched);
        const TensorMap map = make_tensor_map(image.data(), {64, 20, 2, 1}, {64, 16, 1, 1});
        const std::string error =
            error_of([&] { launch(store_twice, 1, 64, 16 * row_elements * 2, map, 8, mistake); });
        return std::pair{image, error};
    };
    testing::for_each_thread_order([&] {
        const auto [image, error] = run(Mistake::none);
        REQUIRE(error.empty());
        for (std::size_t y = 0; y < 2; ++y)
            for (std::size_t x = 0; x < 20; ++x)
                for (std::size_t c = 0; c < 64; ++c)
                    REQUIRE(image[(y * 20 + x) * 64 + c] ==
                            (x < 8 ? untouched : 1000 * (y + 1) + place(x - 8, c)));
        CHECK(run(Mistake::overwritten).first != image);
        contains(run(Mistake::no_wait_for_store).second, "returns without waiting for its bulk stores");
    });
}

TEST_CASE("planted: a box is read without waiting for it, or for the wrong phase") {
    const testing::WithoutRaceDetection accesses_race_on_purpose;
    const Image image({64, 8, 1, 1});
    for (auto mistake : {Mistake::no_wait, Mistake::wrong_parity})
        testing::for_each_thread_order([&] {
            const auto right = load_with(Mistake::none, image, {64, 8, 1, 1}, {});
            const auto wrong = load_with(mistake, image, {64, 8, 1, 1}, {});
            CHECK(right.error.empty());
            CHECK(wrong.memory != right.memory);
        });
}

TEST_CASE("planted: the bytes of a box are not expected, or others") {
    const testing::WithoutRaceDetection accesses_race_on_purpose;
    const Image image({64, 8, 1, 1});
    testing::for_each_thread_order([&] {
        const auto error = [&](Mistake mistake) {
            return load_with(mistake, image, {64, 8, 1, 1}, {}).error;
        };
        CHECK(error(Mistake::none).empty());
        contains(error(Mistake::no_expected_bytes), "bulk copy that no thread waited for");
        CHECK(error(Mistake::no_arrival) ==
              "[CUDA emulator] stalled: block (0,0,0): 64 threads wait at an mbarrier in phase 0 (1 arrival "
              "missing, 1024 of 0 bytes on their way), 0 have returned");
        contains(error(Mistake::too_few_bytes), "more bytes are on their way than their mbarrier expects");
        CHECK(error(Mistake::too_many_bytes) ==
              "[CUDA emulator] stalled: block (0,0,0): 64 threads wait at an mbarrier in phase 0 (0 arrivals "
              "missing, 1024 of 1152 bytes on their way), 0 have returned");
    });
}

TEST_CASE("planted: a box lies out of shared memory, or where the swizzle's pattern does not begin") {
    const Image image({64, 8, 1, 1});
    const auto error = [&](Mistake mistake) { return load_with(mistake, image, {64, 8, 1, 1}, {}, 8).error; };
    CHECK(error(Mistake::none).empty());
    contains(error(Mistake::other_memory), "1024 bytes do not lie in the block's dynamic shared memory");
    contains(error(Mistake::misaligned), "does not begin at a multiple of 1024 bytes");
}

TEST_CASE(
    "planted: a warp has left out the fence between what it has written and the bulk copy that reads it") {
    std::vector<std::uint16_t> image(64 * 16);
    const TensorMap map = make_tensor_map(image.data(), {64, 16, 1, 1}, {64, 16, 1, 1});
    testing::for_each_thread_order([&] {
        const auto error = [&](unsigned warp) {
            return error_of([&] { launch(store_matrices, 1, 64, 16 * 128, map, warp); });
        };
        CHECK(error(2).empty());
        for (unsigned warp : {0u, 1u}) contains(error(warp), "written without fence_for_bulk_copies()");
    });
}

TEST_CASE("tensor maps are refused that the hardware would refuse") {
    const std::vector<std::uint16_t> image(64 * 16);
    const auto error = [&](const void* array, std::array<std::int64_t, 4> extents, std::array<int, 4> box) {
        return error_of([&] { make_tensor_map(array, extents, box); });
    };
    CHECK(error(image.data(), {64, 16, 1, 1}, {64, 16, 1, 1}).empty());
    contains(error(image.data() + 1, {64, 15, 1, 1}, {64, 16, 1, 1}), "multiples of 16 bytes");
    contains(error(image.data(), {60, 15, 1, 1}, {64, 16, 1, 1}), "multiples of 16 bytes");
    contains(error(image.data(), {64, 0, 1, 1}, {64, 16, 1, 1}), "an extent");
    contains(error(image.data(), {64, 16, 1, 1}, {64, 257, 1, 1}), "1 to 256");
    contains(error(image.data(), {64, 16, 1, 1}, {32, 16, 1, 1}), "128 bytes");
}
