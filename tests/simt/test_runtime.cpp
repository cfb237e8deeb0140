#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "kernels/simt/cublas.hpp"
#include "kernels/simt/cusolver.hpp"
#include "kernels/simt/simt.cuh"
#include "tests/catch.hpp"
#include "tests/simt/errors.hpp"

using namespace dnsp;
using namespace dnsp::simt;

namespace {

__global__ void add(float* values, int count, float summand) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < count) values[i] += summand;
}

__global__ void add_one(float* values, int count) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < count) values[i] += 1.0f;
}

}  // namespace

TEST_CASE("the CUDA emulator is a device") {
    CHECK(device_count() == 1);
    CHECK(unavailable_reason().empty());
    CHECK(is_emulator());
    CHECK(current_stream() == nullptr);
    CHECK(thread_orders() == 3);
    CHECK(std::string(use_thread_order(2)) == "random");
    CHECK(std::string(use_thread_order(0)) == "forward");
    CHECK_NOTHROW(select_device(0));
    testing::contains(testing::error_of([] { select_device(1); }), "device 0 only, asked for 1");
    testing::contains(device_description(0), "CUDA emulator");
    CHECK_THROWS_AS(device_description(-1), Error);
}

TEST_CASE("device memory is aligned, full of NaN, and counted") {
    const std::size_t free_before = free_memory();
    auto* memory = static_cast<float*>(allocate(1000 * sizeof(float)));
    REQUIRE(memory);
    CHECK(reinterpret_cast<std::uintptr_t>(memory) % 256 == 0);
    CHECK(free_memory() == free_before - 1000 * sizeof(float));
    bool all_nan = true;
    for (int i = 0; i < 1000; ++i) all_nan = all_nan && std::isnan(memory[i]);
    CHECK(all_nan);
    CHECK(allocate(free_memory() + 1) == nullptr);
    release(memory);
    CHECK(free_memory() == free_before);

    void* nothing = allocate(0);
    CHECK(nothing != nullptr);
    release(nothing);
    release(nullptr);
}

TEST_CASE("copies to the device, on it and back") {
    std::vector<float> in(100), out(100);
    std::iota(in.begin(), in.end(), 0.0f);
    void* one = allocate(400);
    void* other = allocate(400);
    copy_to_device(one, in.data(), 400);
    copy_on_device(other, one, 400);
    copy_to_host(out.data(), other, 400);
    synchronise();
    CHECK(out == in);
    copy_to_device(nullptr, nullptr, 0);
    release(one);
    release(other);
}

TEST_CASE("a graph does nothing when it is recorded and all its work each time it is launched") {
    std::vector<float> values(100, 0.0f);
    Graph graph([&] {
        launch(add_one, 2, 64, 0, values.data(), 100);
        launch(add_one, 1, 50, 0, values.data(), 100);
    });
    CHECK(values == std::vector<float>(100, 0.0f));
    graph.launch();
    graph.launch();
    std::vector<float> expected(100, 2.0f);
    std::fill_n(expected.begin(), 50, 4.0f);
    CHECK(values == expected);
}

TEST_CASE("a graph repeats the captured work, even if its variables change later") {
    std::vector<float> values(100, 0.0f), twice(100, 0.0f), product(1, 0.0f);
    int count = 100;
    float summand = 2.0f;
    Graph graph([&] {
        launch(add, static_cast<unsigned>(count), 1, 0, values.data(), count, summand);
        copy_on_device(twice.data(), values.data(), static_cast<std::size_t>(count) * sizeof(float));
        gemm<float>(false, false, 1, 1, count, summand, values.data(), count, values.data(), 1, 0.0f,
                    product.data(), 1);
    });
    CHECK(graph.size() == 3);
    CHECK(twice == std::vector<float>(100, 0.0f));
    count = 7;
    summand = 1e9f;
    graph.launch();
    graph.launch();
    CHECK(values == std::vector<float>(100, 4.0f));
    CHECK(twice == values);
    CHECK(product[0] == 2.0f * 100 * 16);
}

TEST_CASE("operations that a graph cannot hold are refused, and the next capture works") {
    std::vector<float> values(4, 0.0f);
    std::vector<double> matrix(4, 1.0), other(4), more(4);
    int info = 0;
    const std::vector<std::pair<const char*, std::function<void()>>> refused{
        {"an allocation", [] { allocate(16); }},
        {"a copy from the host", [&] { copy_to_device(values.data(), values.data(), 4); }},
        {"a copy to the host", [&] { copy_to_host(values.data(), values.data(), 4); }},
        {"waiting for the device", [] { synchronise(); }},
        {"a graph within a graph", [] { Graph([] {}); }},
        {"cuSOLVER", [&] { svd(2, 2, matrix.data(), other.data(), more.data(), more.data(), &info); }},
        {"cuSOLVER", [&] { symmetric_eigen_batched(2, 1, matrix.data(), other.data(), &info); }},
    };
    for (const auto& [name, call] : refused) {
        try {
            Graph graph([&] {
                launch(add_one, 1, 4, 0, values.data(), 4);
                call();
            });
            FAIL_CHECK(name << " was recorded");
        } catch (const CaptureError& error) {
            testing::contains(error.what(), name);
        }
    }
    CHECK(values == std::vector<float>(4, 0.0f));
    Graph graph([&] { launch(add_one, 1, 4, 0, values.data(), 4); });
    launch(add_one, 1, 4, 0, values.data(), 4);
    CHECK(values == std::vector<float>(4, 1.0f));
    graph.launch();
    CHECK(values == std::vector<float>(4, 2.0f));
}

TEST_CASE("another thread goes on while one records a graph") {
    std::vector<float> values(4, 0.0f);
    Graph graph([&] {
        std::thread([&] {
            launch(add_one, 1, 4, 0, values.data(), 4);
            release(allocate(16));
        }).join();
    });
    CHECK(values == std::vector<float>(4, 1.0f));
    CHECK(graph.size() == 0);
}
