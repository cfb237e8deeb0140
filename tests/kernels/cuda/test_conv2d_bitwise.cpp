// Repeats tests/kernels/test_conv2d_bitwise.cpp for images stored as bfloat16.
#include "tests/kernels/conv2d_passes.hpp"

using namespace dnsp;
using namespace dnsp::testing;

TEST_CASE("a pixel is bitwise identical in an image and in a part of it: stored as bfloat16") {
    // The first layer by wgmma if the device supports it, the others by copies in float.
    check_layers_on_cuda<bfloat16>({{64, 64, 3, 3}, {5, 6, 3, 3}, {8, 16, 1, 3}}, Conv2dPrecision::bfloat16);
}

TEST_CASE("the epilogue's rounding does not depend on a pixel's position: stored as bfloat16") {
    const WithOptions options({Conv2dBackend::native, Conv2dPrecision::bfloat16});
    auto problem = Problem<bfloat16>::random({2, 13, 23, 64, 64, 3, 3});
    // An image of ones, with biases that cancel the sums: only rounding remains.
    for (bfloat16& value : problem.input.values) value = bfloat16(1.0f);
    const auto taps = static_cast<std::size_t>(problem.shape.weight_elements() / problem.shape.out_channels);
    problem.bias.clear();
    for (auto weight = problem.weight.begin(); weight != problem.weight.end();
         weight += static_cast<std::ptrdiff_t>(taps)) {
        double sum = 0.0;
        for (std::size_t tap = 0; tap < taps; ++tap)
            sum += static_cast<double>(static_cast<float>(weight[tap]));
        problem.bias.push_back(static_cast<float>(-sum));
    }
    check_parts(On::cuda, problem, kernels::cuda::conv2d_alignment, parts_on_cuda, Passes::forward);
}
