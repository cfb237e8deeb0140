#include "engine/memory.hpp"

#include <cstdint>
#include <thread>

#include "base/device/runtime.hpp"
#include "engine/tensor.hpp"
#include "tests/catch.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;

namespace {
const Device device = dnsp::testing::test_device();
}

TEST_CASE("blocks of any size are aligned to 64 bytes") {
    std::vector<Storage*> all;
    for (std::size_t bytes : {0, 1, 63, 64, 65, 100, 4097, 1000003}) {
        all.push_back(new Storage(device, bytes));
        CHECK(reinterpret_cast<std::uintptr_t>(all.back()->data()) % 64 == 0);
        CHECK(all.back()->bytes() == bytes);
    }
    for (Storage* storage : all) delete storage;
}

TEST_CASE("the arena reuses freed blocks") {
    release_cached_memory(device);
    const auto before = arena_statistics(device);
    const void* first = nullptr;
    {
        const Storage storage(device, 5000);
        first = storage.data();
        CHECK(arena_statistics(device).bytes_in_use >= before.bytes_in_use + 5000);
    }
    CHECK(arena_statistics(device).bytes_in_use == before.bytes_in_use);
    const Storage again(device, 4999);
    CHECK(again.data() == first);
    CHECK(arena_statistics(device).system_allocations == before.system_allocations + 1);
}

TEST_CASE("at most a quarter of a block is wasted") {
    for (std::size_t bytes = 1000; bytes < 10'000'000; bytes = bytes * 5 / 4 + 17) {
        const std::size_t before = arena_statistics(device).bytes_in_use;
        const Storage storage(device, bytes);
        const std::size_t block = arena_statistics(device).bytes_in_use - before;
        CHECK(block >= bytes);
        CHECK(block <= bytes + bytes / 4 + 64);
    }
}

TEST_CASE("cached memory is returned to the system on request, memory in use is not") {
    const Storage kept(device, 777);
    { const Storage dropped(device, 123456); }
    CHECK(arena_statistics(device).bytes_held > arena_statistics(device).bytes_in_use);
    release_cached_memory(device);
    const auto after = arena_statistics(device);
    CHECK(after.bytes_held == after.bytes_in_use);
    CHECK(after.bytes_in_use >= 777);
    CHECK(after.peak_bytes_in_use >= 123456);
}

TEST_CASE("a device without a backend has no memory") {
    if (simt::device_count() > 0) DNSP_SKIP("this build has a CUDA backend");
    CHECK_THROWS_AS(Storage(Device{DeviceKind::cuda, 0}, 64), Error);
    CHECK_THROWS_AS(Tensor::empty({4}, DType::float32, Device{DeviceKind::cuda, 0}), Error);
}

TEST_CASE("two threads may allocate at once") {
    const std::size_t before = arena_statistics(device).bytes_in_use;
    const auto work = [] {
        for (std::size_t i = 0; i < 2000; ++i) {
            const Storage a(device, 64 + i % 7 * 100), b(device, 64 + i % 5 * 100);
            if (device.kind != DeviceKind::cpu) continue;  // the host cannot write to device memory
            *static_cast<char*>(a.data()) = 1;
            *static_cast<char*>(b.data()) = 2;
        }
    };
    std::thread other(work);
    work();
    other.join();
    CHECK(arena_statistics(device).bytes_in_use == before);
}

TEST_CASE("an allocation beyond the limit is refused, and cached blocks do not count") {
    release_cached_memory(device);
    const std::size_t held = arena_statistics(device).bytes_held;
    set_memory_limit(device, held + 2'200'000);
    { const Storage fits(device, 1'900'000); }
    { const Storage in_its_place(device, 1'000'000); }
    CHECK_THROWS_AS(Storage(device, 3'000'000), OutOfMemory);
    set_memory_limit(device, static_cast<std::size_t>(-1));
    CHECK_NOTHROW(Storage(device, 3'000'000));
}
