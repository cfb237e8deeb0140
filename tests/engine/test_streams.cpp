// Work of two threads on streams of their own.
#include <optional>
#include <thread>

#include "base/device/runtime.hpp"
#include "engine/kernel_for.hpp"
#include "engine/tensor.hpp"
#include "kernels/elementwise.hpp"
#include "tests/catch.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;
using dnsp::testing::test_device;

TEST_CASE("events order the work of a thread's own stream and of the device's stream") {
    if (test_device().kind == DeviceKind::cpu) DNSP_SKIP("the device under test is the CPU");
    constexpr std::int64_t count = 1 << 18;
    const int additions = simt::is_emulator() ? 1 : 100;  // so many that threads get ahead of the GPU
    const Tensor sum = Tensor::zeros({count}, DType::float64, test_device()),
                 one = Tensor::empty({count}, DType::float64, test_device());
    one.fill(1.0);
    const auto add_ones = [&] {
        double* const values = sum.data<double>();
        for (int i = 0; i < additions; ++i)
            DNSP_KERNEL_FOR(test_device(), add<double>)(count, values, one.data<double>(), values);
    };
    const auto double_it = [&] {
        double* const values = sum.data<double>();
        DNSP_KERNEL_FOR(test_device(), scale<double>)(count, 2.0, values, values);
    };
    add_ones();
    const simt::Event added;
    std::optional<simt::Event> doubled;
    std::thread([&] {
        simt::select_device(test_device().index);
        const simt::OwnStream stream;
        added.wait();
        double_it();
        add_ones();
        doubled.emplace();
    }).join();
    doubled->wait();
    double_it();
    CHECK(sum.to_vector<double>() == std::vector<double>(static_cast<std::size_t>(count), 6.0 * additions));
}
