#include <cmath>
#include <limits>
#include <utility>

#include "tests/kernels/conv2d_check.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

struct Case {
    const char* name;
    Conv2dShape shape;  // batch, height, width, in, out, kernel height, kernel width
};

const std::vector<Case> cases{
    {"one pixel, one channel, 1×1", {1, 1, 1, 1, 1, 1, 1}},
    {"one pixel, 3×3", {1, 1, 1, 2, 3, 3, 3}},
    {"image smaller than the kernel", {2, 3, 2, 1, 4, 9, 9}},
    {"one row", {1, 1, 17, 3, 2, 3, 3}},
    {"one column", {3, 13, 1, 1, 5, 5, 5}},
    {"kernel 3×5, odd sizes", {3, 7, 11, 5, 7, 3, 5}},
    {"kernel 5×1", {1, 9, 6, 2, 1, 5, 1}},
    {"kernel 1×1 between 3 images", {3, 5, 4, 17, 9, 1, 1}},
    {"width 16", {1, 12, 10, 16, 16, 3, 3}},
    {"width 33, not a multiple of a vector", {1, 8, 9, 33, 31, 3, 3}},
    {"SRCNN extraction of an image narrower than the kernel", {2, 9, 7, 1, 64, 9, 9}},
    {"SRCNN reconstruction of an image narrower than the kernel", {2, 9, 4, 32, 1, 5, 5}},
    {"several tiles and splits in every direction", {2, 9, 15, 10, 70, 3, 3}},
    {"the same with the channels exchanged", {1, 7, 10, 67, 5, 3, 1}},
    {"a pixel's next one but one lies two rows down", {4, 11, 1, 9, 6, 3, 3}},
    {"a pixel's next one but one lies a row down", {3, 9, 2, 5, 9, 1, 3}},
    {"1 → 72 channels, several tiles in every direction", {3, 9, 37, 1, 72, 5, 7}},
    {"72 → 1 channels, several tiles in every direction", {3, 17, 35, 72, 1, 7, 5}},
    {"1 → 8 channels, 11×1", {1, 10, 18, 1, 8, 11, 1}},
    {"8 → 1 channels, 1×11", {2, 5, 34, 8, 1, 1, 11}},
    {"1 → 12 channels, 1×3, image of one row", {2, 1, 33, 1, 12, 1, 3}},
    {"12 → 1 channels, 11×9", {1, 13, 12, 12, 1, 11, 9}},
    {"more taps than the kernels for single channels know", {1, 9, 8, 1, 4, 13, 1}},
    {"the same backwards", {1, 5, 17, 4, 1, 1, 13}},
    {"channels for several blocks of the bias", {2, 3, 1, 1, 1028, 1, 1}},
    {"the same, one channel a thread", {1, 2, 3, 2, 259, 1, 1}},
    {"the last block full", {1, 3, 11, 2, 512, 1, 1}},
    {"many input channels", {1, 4, 5, 260, 2, 1, 1}},
    {"full tiles", {1, 8, 16, 3, 128, 1, 1}},
    {"images of one pixel", {9, 1, 1, 3, 2, 1, 1}},
};

/// Too much for the host executor.
const std::vector<Case> larger_cases{
    {"SRCNN extraction", {2, 21, 19, 1, 64, 9, 9}},
    {"SRCNN mapping", {2, 21, 19, 64, 32, 1, 1}},
    {"SRCNN reconstruction", {2, 21, 19, 32, 1, 5, 5}},
    {"EDSR head", {1, 20, 23, 1, 64, 3, 3}},
    {"EDSR block", {1, 13, 15, 64, 64, 3, 3}},
    {"EDSR tail", {1, 20, 23, 64, 1, 3, 3}},
    {"a whole patch of the paper", {3, 40, 40, 8, 4, 3, 3}},
    {"unlike channel counts in sixteens", {2, 37, 30, 32, 48, 3, 3}},
    {"EDSR block of 256 channels", {1, 9, 10, 256, 256, 3, 3}},
    {"one pixel between many channels", {1, 1, 1, 32, 16, 3, 3}},
};

template <class T>
void check_all(On where) {
    const auto check = [where](const std::vector<Case>& table) {
        for (const auto& [name, shape] : table) {
            INFO(name);
            Check<T> shape_on_device(where, shape, float_bound<T>);
            shape_on_device.once();
            if (where == On::cpu) shape_on_device.plain();
        }
    };
    check(cases);
    if (where == On::cpu || !simt::is_host_executor()) check(larger_cases);
}

}  // namespace

TEST_CASE("conv2d in float32 agrees with plain loops in double") { check_all<float>(On::cpu); }

TEST_CASE("conv2d in float64 agrees with plain loops in double") { check_all<double>(On::cpu); }

TEST_CASE("conv2d in float32 agrees with plain loops in double, cuda") {
    DNSP_REQUIRE_CUDA();
    const WithOptions options(exact);
    check_all<float>(On::cuda);
}

TEST_CASE("conv2d in float64 agrees with plain loops in double, cuda") {
    DNSP_REQUIRE_CUDA();
    check_all<double>(On::cuda);
}

TEST_CASE("conv2d with every epilogue") {
    for (const Conv2dShape& shape : every_cpu_path)
        Check<float>(On::cpu, shape, float_bound<float>).with_every_epilogue();
    Check<double>(On::cpu, every_cpu_path.back(), float_bound<double>).with_every_epilogue();
}

TEST_CASE("conv2d with every epilogue, cuda") {
    DNSP_REQUIRE_CUDA();
    const WithOptions options(exact);
    for (const Conv2dShape& shape : every_path) {
        Check<float>(On::cuda, shape, float_bound<float>).with_every_epilogue();
        Check<double>(On::cuda, shape, float_bound<double>).with_every_epilogue();
    }
}

namespace {

/// A network must not swallow what is not a number.
void check_nan_in_input(On where, std::int64_t in, std::int64_t out) {
    INFO(in << " → " << out << " channels");
    const Conv2dShape s{1, 11, 13, in, out, 3, 3};
    std::vector<float> x(static_cast<std::size_t>(s.input_elements()), 1.0f);
    x.back() = std::numeric_limits<float>::quiet_NaN();
    Buffer<float> input(where, x),
        weight(where, std::vector<float>(static_cast<std::size_t>(s.weight_elements()), -1.0f)),
        bias(where, std::vector<float>(static_cast<std::size_t>(s.out_channels), 0.0f)),
        output(where, s.output_elements());
    DNSP_KERNEL(where, conv2d_forward, float)
    (s, input.data(), weight.data(), bias.data(), {Activation::relu, 1.0, nullptr}, output.data());
    const auto y = output.values();
    CHECK(y.front() == 0.0f);  // far from the NaN, below zero
    CHECK(std::isnan(y.back()));
}

}  // namespace

TEST_CASE("a NaN in the input is not hidden by the ReLU of a convolution") {
    for (const auto& [in, out] : {std::pair{16, 16}, {1, 16}, {16, 1}}) check_nan_in_input(On::cpu, in, out);
}

TEST_CASE("a NaN in the input is not hidden by the ReLU of a convolution, cuda") {
    DNSP_REQUIRE_CUDA();
    for (const auto precision : {Conv2dPrecision::float32, Conv2dPrecision::tf32})
        for (const auto& [in, out] : {std::pair{2, 2}, {1, 4}, {4, 1}, {8, 8}}) {
            const WithOptions options({Conv2dBackend::ours, precision});
            check_nan_in_input(On::cuda, in, out);
        }
}

TEST_CASE("conv2d is a cross-correlation: a tap right of the centre reads the pixel to the right") {
    const Conv2dShape s{1, 1, 3, 1, 1, 3, 3};
    const std::vector<float> image{1, 2, 4}, bias{0};
    std::vector<float> weight(9, 0.0f), output(3);
    weight[5] = 1;
    kernels::cpu::conv2d_forward<float>(s, image.data(), weight.data(), bias.data(), {}, output.data());
    CHECK(output == std::vector<float>{2, 4, 0});
}
