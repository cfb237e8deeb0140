// The devices that the CUDA emulator can be.
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/simt/hopper.hpp"
#include "kernels/simt/ptx.cuh"
#include "tests/catch.hpp"
#include "tests/simt/errors.hpp"

using namespace dnsp;
using namespace dnsp::simt;
using testing::contains;
using testing::error_of;

namespace {

struct Restored {
    ~Restored() { emulate_device({}); }
};

__global__ void do_nothing() {}

/// 40 bytes of static shared memory, which dynamic shared memory follows at a multiple of 1024 bytes.
__global__ void use_static_and_dynamic(int bytes) {
    __shared__ SharedArray<int, 10> few;
    few[0] = 1;
    if (bytes > 0) dynamic_shared<unsigned char>(static_cast<std::size_t>(bytes))[0] = 1;
}

__global__ void multiply_f64() {
    double d[4];
    const double a[4]{}, c[4]{};
    mma_m16n8k8_f64(d, a, 0, 0, c);
}
__global__ void multiply_tf32() {
    float d[4];
    const float c[4]{};
    const std::uint32_t a[4]{};
    mma_m16n8k8_tf32(d, a, 0, 0, c);
}
__global__ void round_bfloat16(std::uint32_t* out) { *out = pack_bfloat16x2(1.0f, 2.0f); }
__global__ void round_tf32(std::uint32_t* out) { *out = round_to_tf32(1.0f); }
__global__ void copy_asynchronously(const float* from) {
    auto to = dynamic_shared<float>(4);
    cp_async<16>(to.data(), from, true);
    cp_async_commit();
    cp_async_wait<0>();
}
__global__ void initialise_barrier() {
    __shared__ SharedArray<std::uint64_t, 1> barrier;
    mbarrier_init(barrier.data(), 1);
}
__global__ void release_registers() { setmaxnreg_dec<24>(); }

/// The error of a kernel that needs compute capability `lowest` or later; `exactly`: no later one.
void check_needs(int lowest, bool exactly, const std::function<void()>& run) {
    for (const int capability : {75, 80, 86, 89, 90, 100, 120}) {
        INFO("compute capability " << capability);
        emulate_device(device_model(capability));
        const bool has = exactly ? capability == lowest : capability >= lowest;
        const std::string error = error_of(run);
        if (has)
            CHECK(error.empty());
        else
            contains(error, "needs compute capability " + std::to_string(lowest / 10) + "." +
                                std::to_string(lowest % 10));
    }
}

}  // namespace

TEST_CASE("the emulator is by default a device of compute capability 9.0 with two SMs") {
    CHECK(compute_capability() == 90);
    CHECK(multiprocessor_count() == 2);
    CHECK(max_shared_memory_per_block() == 232448);
    CHECK(has_hopper_instructions());
}

TEST_CASE("the emulator is the device that a test asks for") {
    const Restored restored;
    struct Wanted {
        int capability;
        std::size_t shared_bytes;
    };
    for (const auto& [capability, shared_bytes] : {Wanted{75, 65536},
                                                   {80, 166912},
                                                   {86, 101376},
                                                   {89, 101376},
                                                   {90, 232448},
                                                   {100, 232448},
                                                   {120, 101376}}) {
        CHECK(emulate_device(device_model(capability, 132)));
        CHECK(compute_capability() == capability);
        CHECK(multiprocessor_count() == 132);
        CHECK(max_shared_memory_per_block() == shared_bytes);
        CHECK(has_hopper_instructions() == (capability == 90));
    }
    contains(error_of([] { device_model(70); }), "no model of compute capability 7.0");
    emulate_device({});
    CHECK(compute_capability() == 90);
}

TEST_CASE("a block has the shared memory of the emulated device") {
    const Restored restored;
    for (const int capability : {75, 86, 90}) {
        const DeviceModel model = device_model(capability);
        emulate_device(model);
        const std::size_t limit = model.max_shared_memory_per_block;
        CHECK(fits_in_shared_memory(do_nothing, limit));
        CHECK_FALSE(fits_in_shared_memory(do_nothing, limit + 1));
        CHECK(error_of([&] { launch(do_nothing, 1, 1, limit); }).empty());
        contains(error_of([&] { launch(do_nothing, 1, 1, limit + 1); }),
                 "at most " + std::to_string(limit) + " bytes");
        const auto both = [&](std::size_t bytes) {
            return error_of([&] { launch(use_static_and_dynamic, 1, 1, bytes, static_cast<int>(bytes)); });
        };
        CHECK(both(0).empty());
        CHECK(both(limit - 1024).empty());
        contains(both(limit - 1023), std::to_string(limit >> 10) + " KiB in all");
    }
}

TEST_CASE("planted: a kernel uses an instruction that the device does not have") {
    const Restored restored;
    std::uint32_t bits = 0;
    alignas(16) const std::array<float, 4> values{};
    check_needs(80, false, [] { launch(multiply_f64, 1, 32, 0); });
    check_needs(80, false, [] { launch(multiply_tf32, 1, 32, 0); });
    check_needs(80, false, [&] { launch(round_bfloat16, 1, 1, 0, &bits); });
    check_needs(80, false, [&] { launch(round_tf32, 1, 1, 0, &bits); });
    check_needs(80, false, [&] { launch(copy_asynchronously, 1, 1, 16, values.data()); });
    check_needs(90, true, [] { launch(initialise_barrier, 1, 1, 0); });
    check_needs(90, true, [] { launch(release_registers, 1, 1, 0); });
}
