// Races between threads and what runs beside them: asynchronous copies, bulk copies and wgmma.
#include <vector>

#include "kernels/bfloat16.hpp"
#include "kernels/simt/ptx.cuh"
#include "tests/catch.hpp"
#include "tests/simt/races.hpp"

using namespace dnsp;
using namespace dnsp::simt;
using testing::check_correct;
using testing::check_race;
using testing::check_race_or_stall;

namespace {

// ---- cp.async

enum class CopyMistake { none, no_barrier, no_wait, no_barrier_before_copy, two_copies };

/// Each thread copies one value and reads its neighbour's, twice through the same array.
__global__ void copy_twice(CopyMistake mistake, const int* in, int* out) {
    __shared__ SharedArray<int, 64> values;
    const unsigned t = threadIdx.x;
    int sum = 0;
    for (int turn = 0; turn < 2; ++turn) {
        cp_async<4>(&values[t], in + t, true);
        if (mistake == CopyMistake::two_copies) cp_async<4>(&values[t], in + t, true);
        cp_async_commit();
        if (mistake != CopyMistake::no_wait) cp_async_wait<0>();
        if (mistake != CopyMistake::no_barrier) __syncthreads();
        sum += values[(t + 1) % 64];
        if (mistake != CopyMistake::no_barrier_before_copy) __syncthreads();
    }
    cp_async_wait<0>();
    out[t] = sum;
}

// ---- Bulk copies

constexpr int box_elements = 8 * 64;
constexpr std::uint32_t box_bytes = 2 * box_elements;

enum class RingMistake { none, no_wait_for_full, one_lane_waits, early_release, too_few_arrivals };

/// Warp 1 loads boxes into a ring of two stages. Warp 0 reads them.
__global__ void load_through_ring(const __grid_constant__ TensorMap map, RingMistake mistake, int count,
                                  std::uint16_t* out) {
    __shared__ SharedArray<std::uint64_t, 4> barriers;
    const auto memory = dynamic_shared<std::uint16_t>(2 * box_elements);
    std::uint64_t *full = barriers.data(), *empty = full + 2;
    const unsigned t = threadIdx.x;
    if (t == 0) {
        for (int stage = 0; stage < 2; ++stage) {
            mbarrier_init(full + stage, 1);
            mbarrier_init(empty + stage, mistake == RingMistake::too_few_arrivals ? 1 : 32);
        }
        mbarrier_fence_init();
    }
    __syncthreads();
    for (int i = 0; i < count; ++i) {
        const int stage = i % 2;
        const auto parity = static_cast<std::uint32_t>(i / 2 % 2);
        if (t == 32) {
            mbarrier_wait(empty + stage, parity ^ 1u);
            mbarrier_arrive_expect_tx(full + stage, box_bytes);
            load_box(memory.data() + stage * box_elements, map, full + stage, 0, 0, 0, 0);
        }
        if (t < 32) {
            if (mistake != RingMistake::no_wait_for_full &&
                (mistake != RingMistake::one_lane_waits || t == 0))
                mbarrier_wait(full + stage, parity);
            const bool arrives = mistake != RingMistake::too_few_arrivals || t == 0;
            if (mistake == RingMistake::early_release) mbarrier_arrive(empty + stage);
            out[t] = memory[stage * box_elements + static_cast<int>(t)];
            if (mistake != RingMistake::early_release && arrives) mbarrier_arrive(empty + stage);
        }
    }
    if (t == 32)
        for (int i = std::max(0, count - 2); i < count; ++i)
            mbarrier_wait(full + i % 2, static_cast<std::uint32_t>(i / 2 % 2));
}

enum class StoreMistake { none, no_fence, fence_before_writing, no_barrier, no_wait, wait_without_barrier };
enum class Fence { of_writers, of_storing_thread };

/// All threads write a box, one thread stores it, twice from the same place.
__global__ void store_twice(const __grid_constant__ TensorMap map, StoreMistake mistake, Fence fence) {
    const auto memory = dynamic_shared<std::uint16_t>(box_elements);
    for (int turn = 0; turn < 2; ++turn) {
        if (mistake == StoreMistake::fence_before_writing) fence_for_bulk_copies();
        for (unsigned i = threadIdx.x; i < memory.count; i += blockDim.x) memory[i] = 7;
        if (mistake == StoreMistake::none && fence == Fence::of_writers) fence_for_bulk_copies();
        if (mistake > StoreMistake::fence_before_writing) fence_for_bulk_copies();
        if (mistake != StoreMistake::no_barrier) __syncthreads();
        if (threadIdx.x == 0) {
            if (fence == Fence::of_storing_thread) fence_for_bulk_copies();
            store_box(map, 0, 0, 0, 0, memory.data());
            store_box_commit();
            if (mistake != StoreMistake::no_wait) store_box_wait_read<0>();
        }
        if (mistake != StoreMistake::wait_without_barrier) __syncthreads();
    }
    if (threadIdx.x == 0) store_box_wait_read<0>();
}

/// A box is loaded to where all threads have written.
__global__ void write_then_load(const __grid_constant__ TensorMap map, Fence fence, bool fenced,
                                bool read_only) {
    __shared__ SharedArray<std::uint64_t, 1> barrier;
    __shared__ SharedArray<int, 64> sums;
    const auto memory = dynamic_shared<std::uint16_t>(box_elements);
    if (threadIdx.x == 0) {
        mbarrier_init(barrier.data(), 1);
        mbarrier_fence_init();
    }
    for (unsigned i = threadIdx.x; i < memory.count; i += blockDim.x) {
        if (read_only)
            sums[threadIdx.x] = memory[i];
        else
            memory[i] = 7;
    }
    if (fenced && fence == Fence::of_writers) fence_for_bulk_copies();
    __syncthreads();
    if (threadIdx.x == 0) {
        if (fenced && fence == Fence::of_storing_thread) fence_for_bulk_copies();
        mbarrier_arrive_expect_tx(barrier.data(), box_bytes);
        load_box(memory.data(), map, barrier.data(), 0, 0, 0, 0);
    }
    mbarrier_wait(barrier.data(), 0);
}

// ---- wgmma

enum class ProductMistake {
    none,
    no_fence,
    no_barrier,
    overwritten_before_wait,
    overwritten_by_others,
    overwritten_for_an_older_product
};

/// A warpgroup multiplies 64 × 16 by 16 × 64 matrices of ones, which it then overwrites.
__global__ void multiply(ProductMistake mistake, float* out) {
    using kernels::bfloat16;
    constexpr int elements = 64 * 64;
    const auto memory = dynamic_shared<bfloat16>(2 * elements);
    const unsigned t = threadIdx.x;
    for (unsigned i = t; i < memory.count; i += blockDim.x) memory[i] = bfloat16(1.0f);
    if (mistake != ProductMistake::no_fence) fence_for_bulk_copies();
    if (mistake != ProductMistake::no_barrier) __syncthreads();
    float sums[32];
    if (t < 128) {
        wgmma_fence();
        for (int turn = 0; turn < 2; ++turn) {
            wgmma_bf16<64, Runs::along_k, Runs::along_k>(
                sums, advanced(matrix_descriptor(memory.data()), 32 * turn),
                advanced(matrix_descriptor(memory.data() + elements), 32 * turn), turn > 0);
            wgmma_commit();
        }
    }
    if (mistake == ProductMistake::overwritten_by_others && t == 128) memory[16] = bfloat16(1.0f);
    if (t < 128) {
        if (mistake == ProductMistake::overwritten_for_an_older_product) {
            wgmma_wait<1>();
            if (t == 0) memory[16] = bfloat16(1.0f);  // operand of the second product
        }
        if (mistake == ProductMistake::overwritten_before_wait && t == 0) memory[elements] = bfloat16(1.0f);
        wgmma_wait<1>();
        if (t == 0) memory[0] = bfloat16(1.0f);  // operand of the first product
        wgmma_wait<0>();
        settle(sums);
        for (int i = 0; i < 32; ++i) out[static_cast<int>(t) * 32 + i] = sums[i];
    }
    __syncthreads();
    memory[t] = bfloat16(1.0f);
}

std::vector<std::uint16_t> image(box_elements);

TensorMap image_map() { return make_tensor_map(image.data(), {64, 8, 1, 1}, {64, 8, 1, 1}); }

}  // namespace

TEST_CASE("race: an asynchronous copy is read too early, or overwrites what is still read") {
    DNSP_NEEDS_RACE_DETECTION();
    const std::vector<int> in(64, 7);
    std::vector<int> out(64);
    const auto run = [&](CopyMistake mistake) {
        return [&, mistake] { launch(copy_twice, 1, 64, 0, mistake, in.data(), out.data()); };
    };
    check_correct(run(CopyMistake::none));
    check_race("copy_twice", " of values, which thread (", run(CopyMistake::no_barrier));
    check_race("copy_twice", " is copying to asynchronously", run(CopyMistake::no_wait));
    check_race("copy_twice", " of values, which thread (", run(CopyMistake::no_barrier_before_copy));
    check_race("copy_twice", " is copying to asynchronously", run(CopyMistake::two_copies));
}

TEST_CASE("race: a stage of bulk loads is read without a wait, or filled again before all have read it") {
    DNSP_NEEDS_RACE_DETECTION();
    std::vector<std::uint16_t> out(32);
    const auto run = [&](RingMistake mistake) {
        return [&, mistake] {
            launch(load_through_ring, 1, 64, 2 * box_bytes, image_map(), mistake, 6, out.data());
        };
    };
    check_correct(run(RingMistake::none));
    for (const auto mistake :
         {RingMistake::one_lane_waits, RingMistake::early_release, RingMistake::too_few_arrivals})
        check_race("load_through_ring", " of dynamic shared memory, which ", run(mistake));
    check_race_or_stall(run(RingMistake::no_wait_for_full));
}

TEST_CASE("race: a bulk store lacks the fence, the barrier before it, or the wait and the barrier after it") {
    DNSP_NEEDS_RACE_DETECTION();
    const auto run = [](StoreMistake mistake, Fence fence) {
        return [=] { launch(store_twice, 1, 64, box_bytes, image_map(), mistake, fence); };
    };
    check_correct(run(StoreMistake::none, Fence::of_writers));
    check_correct(run(StoreMistake::none, Fence::of_storing_thread));
    for (const auto mistake : {StoreMistake::no_fence, StoreMistake::fence_before_writing})
        check_race("store_twice", " has written without fence_for_bulk_copies()",
                   run(mistake, Fence::of_writers));
    check_race("store_twice", " of dynamic shared memory, which thread (",
               run(StoreMistake::no_barrier, Fence::of_writers));
    check_race("store_twice", "which a bulk store that was not waited for reads",
               run(StoreMistake::no_wait, Fence::of_writers));
    check_race("store_twice", " of dynamic shared memory, which ",
               run(StoreMistake::wait_without_barrier, Fence::of_writers));
}

TEST_CASE("race: a bulk load follows ordinary writes without a fence") {
    DNSP_NEEDS_RACE_DETECTION();
    const auto run = [](Fence fence, bool fenced, bool read_only) {
        return [=] { launch(write_then_load, 1, 64, box_bytes, image_map(), fence, fenced, read_only); };
    };
    for (const Fence fence : {Fence::of_writers, Fence::of_storing_thread})
        check_correct(run(fence, true, false));
    check_correct(run(Fence::of_writers, false, true));  // reads need no fence
    check_race("write_then_load",
               "starts a bulk load to byte 0 of dynamic shared memory, which thread (0,0,0) has "
               "written without fence_for_bulk_copies()",
               run(Fence::of_writers, false, false));
}

TEST_CASE("race: wgmma reads what is not there yet, or is overwritten before the wait") {
    DNSP_NEEDS_RACE_DETECTION();
    std::vector<float> out(128 * 32);
    const auto run = [&](ProductMistake mistake) {
        return [&, mistake] { launch(multiply, 1, 160, 4 * 64 * 64, mistake, out.data()); };
    };
    check_correct(run(ProductMistake::none));
    CHECK(out == std::vector<float>(out.size(), 32.0f));
    check_race("multiply", " has written without fence_for_bulk_copies()", run(ProductMistake::no_fence));
    check_race("multiply", " of dynamic shared memory, which ", run(ProductMistake::no_barrier));
    check_race("multiply", "a product (wgmma)", run(ProductMistake::overwritten_before_wait));
    check_race("multiply", "a product (wgmma)", run(ProductMistake::overwritten_by_others));
    check_race("multiply", "writes byte 32 of dynamic shared memory, which a product (wgmma)",
               run(ProductMistake::overwritten_for_an_older_product));
}
