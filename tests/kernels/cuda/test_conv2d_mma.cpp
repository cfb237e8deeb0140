#include "kernels/conv2d/cuda/mma.hpp"

#include <cmath>
#include <limits>

#include "tests/kernels/conv2d_cases.hpp"
#include "tests/reference/rounding.hpp"

using namespace dnsp;
using namespace dnsp::testing;
namespace mma = kernels::cuda::detail;

#define REQUIRE_TENSOR_CORES()                                     \
    if (!mma::mma_supports({.in_channels = 8, .out_channels = 8})) \
    DNSP_SKIP("the device has no tensor cores for float32")

namespace {

/// The operands as tensor cores round them.
Operands as_multiplied(const Operands& o, Conv2dPrecision precision) {
    const auto round =
        precision == Conv2dPrecision::tf32 ? reference::round_to_tf32 : reference::round_to_bfloat16;
    return o.with_images(round).with_weight(round);
}

constexpr double factor = 0.6;

void check(const Conv2dShape& s, Conv2dPrecision precision) {
    INFO(text(s) << (precision == Conv2dPrecision::tf32 ? ", tf32" : ", bfloat16"));
    const WithOptions options({Conv2dBackend::native, precision});
    const Operands exact{s}, rounded = as_multiplied(exact, precision);
    const OnCuda<float> device(exact);
    const double bound = precision == Conv2dPrecision::tf32 ? 1e-3 : 1e-2;

    const auto output = output_of<float>(On::cuda, s.output_elements(), [&](float* to) {
        mma::mma_forward(s, {.input = device.input.data(),
                             .weight = device.weight.data(),
                             .bias = device.bias.data(),
                             .output = to});
    });
    CHECK(reference::relative_error(output, exact.forward()) <= bound);
    CHECK(reference::relative_error(output, rounded.forward()) <= 1e-5);

    const auto input_gradient = output_of<float>(On::cuda, s.input_elements(), [&](float* to) {
        mma::mma_backward_input(s, {.output_gradient = device.gradient.data(),
                                    .scale = factor,
                                    .weight = device.weight.data(),
                                    .input_gradient = to});
    });
    CHECK(reference::relative_error(input_gradient, scaled(factor, exact.backward_input())) <= bound);
    CHECK(reference::relative_error(input_gradient, scaled(factor, rounded.backward_input())) <= 1e-5);

    const auto weight_gradient = output_of<float>(On::cuda, s.weight_elements(), [&](float* to) {
        mma::mma_backward_weight(s, {.input = device.input.data(),
                                     .output_gradient = device.gradient.data(),
                                     .scale = factor,
                                     .weight_gradient = to});
    });
    CHECK(reference::relative_error(weight_gradient, scaled(factor, exact.backward_weight())) <= bound);
    CHECK(reference::relative_error(weight_gradient, scaled(factor, rounded.backward_weight())) <= 1e-5);
}

}  // namespace

TEST_CASE("conv2d on tensor cores multiplies in tf32 and sums in float32") {
    REQUIRE_TENSOR_CORES();
    for (const auto& shape : mma_cases) check(shape, Conv2dPrecision::tf32);
}

TEST_CASE("conv2d on tensor cores multiplies in bfloat16 and sums in float32") {
    REQUIRE_TENSOR_CORES();
    for (const auto& shape : mma_cases) check(shape, Conv2dPrecision::bfloat16);
}

TEST_CASE("conv2d on tensor cores adds the bias, scales, adds the residual and applies the ReLU") {
    REQUIRE_TENSOR_CORES();
    const WithOptions options({Conv2dBackend::native, Conv2dPrecision::tf32});
    // Partial blocks: 3 of 4 lanes' channels, and 5 of 8 rows' pixels.
    for (const Conv2dShape s : {Conv2dShape{1, 7, 19, 8, 24, 1, 3}, Conv2dShape{1, 3, 7, 8, 72, 1, 1}}) {
        const Operands p = as_multiplied({s}, Conv2dPrecision::tf32);
        const OnCuda<float> device(p);
        const Array residual = Operands::in_float32(s.output_elements(), 5);
        const Table<float> residual_on_device(On::cuda, stored<float>(residual));
        for (auto activation : {Activation::none, Activation::relu})
            for (double scale : {1.0, -0.3})
                for (bool with_residual : {false, true}) {
                    INFO("scale " << scale << (with_residual ? ", residual" : "")
                                  << (activation == Activation::relu ? ", ReLU" : ""));
                    const kernels::Conv2dEpilogue<float> epilogue{
                        activation, scale, with_residual ? residual_on_device.data() : nullptr};
                    const auto output = output_of<float>(On::cuda, s.output_elements(), [&](float* to) {
                        mma::mma_forward(s, {.input = device.input.data(),
                                             .weight = device.weight.data(),
                                             .bias = device.bias.data(),
                                             .epilogue = epilogue,
                                             .output = to});
                    });
                    Array expected = scaled(scale, p.forward());
                    if (with_residual)
                        for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += residual[i];
                    if (activation == Activation::relu) expected = reference::relu(expected);
                    CHECK(reference::relative_error(output, expected) <= 1e-5);
                }
    }
}

TEST_CASE("the gradient on tensor cores is 0 wherever the ReLU's output is not positive") {
    REQUIRE_TENSOR_CORES();
    const WithOptions options({Conv2dBackend::native, Conv2dPrecision::bfloat16});
    const Conv2dShape s{1, 7, 19, 24, 8, 3, 1};
    const Operands p = as_multiplied({s}, Conv2dPrecision::bfloat16);
    const OnCuda<float> device(p);
    Array expected = scaled(factor, p.backward_input()), relu_output = reference::relu(p.input);
    relu_output[3] = std::numeric_limits<double>::quiet_NaN();
    relu_output[5] = -0.0;
    relu_output[8] = -1.0;
    relu_output[9] = 1e-30;
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (!(relu_output[i] > 0)) expected[i] = 0;
    const Table<float> relu_output_on_device(On::cuda, stored<float>(relu_output));
    const auto gradient = output_of<float>(On::cuda, s.input_elements(), [&](float* to) {
        mma::mma_backward_input(s, {.output_gradient = device.gradient.data(),
                                    .scale = factor,
                                    .weight = device.weight.data(),
                                    .relu_output = relu_output_on_device.data(),
                                    .input_gradient = to});
    });
    CHECK(reference::relative_error(gradient, expected) <= 1e-5);
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK((gradient[i] == 0) == (expected[i] == 0));
}

TEST_CASE("a NaN passes through the tensor cores and the ReLU to the pixels that see it, and to no other") {
    REQUIRE_TENSOR_CORES();
    const Conv2dShape s{1, 9, 15, 8, 8, 3, 3};
    const auto column_of = [&](std::size_t i) {
        return static_cast<std::int64_t>(i) / s.in_channels % s.width;
    };
    const auto row_of = [&](std::size_t i) { return static_cast<std::int64_t>(i) / s.in_channels / s.width; };
    for (auto precision : {Conv2dPrecision::tf32, Conv2dPrecision::bfloat16}) {
        Operands p{s};
        const WithOptions options({Conv2dBackend::native, precision});
        // All channels of the pixel, so that reads past the channels of another pixel show.
        for (std::int64_t channel = 0; channel < s.in_channels; ++channel)
            p.input[static_cast<std::size_t>((4 * s.width + 13) * s.in_channels + channel)] = std::nan("");
        const OnCuda<float> device(p);
        const auto output = output_of<float>(On::cuda, s.output_elements(), [&](float* to) {
            mma::mma_forward(s, {.input = device.input.data(),
                                 .weight = device.weight.data(),
                                 .bias = device.bias.data(),
                                 .epilogue = {.activation = Activation::relu},
                                 .output = to});
        });
        for (std::size_t i = 0; i < output.size(); ++i)
            REQUIRE(std::isnan(output[i]) == (std::abs(row_of(i) - 4) <= 1 && column_of(i) >= 12));
    }
}

TEST_CASE("conv2d on tensor cores of no images leaves a weight gradient of zeros") {
    REQUIRE_TENSOR_CORES();
    const Conv2dShape s{0, 5, 6, 8, 16, 3, 3};
    Buffer<float> nothing(On::cuda, 0), weight(On::cuda, s.weight_elements()), bias(On::cuda, s.out_channels);
    Buffer<float> weight_gradient(On::cuda, s.weight_elements());
    for (auto precision : {Conv2dPrecision::tf32, Conv2dPrecision::bfloat16}) {
        const WithOptions options({Conv2dBackend::native, precision});
        mma::mma_forward(s, {.input = nothing.data(),
                             .weight = weight.data(),
                             .bias = bias.data(),
                             .output = nothing.data()});
        mma::mma_backward_input(
            s,
            {.output_gradient = nothing.data(), .weight = weight.data(), .input_gradient = nothing.data()});
        CHECK(nothing.fences_intact());
        mma::mma_backward_weight(s, {.input = nothing.data(),
                                     .output_gradient = nothing.data(),
                                     .weight_gradient = weight_gradient.data()});
        CHECK(weight_gradient.values() ==
              std::vector<float>(static_cast<std::size_t>(s.weight_elements()), 0.0f));
    }
}

TEST_CASE("tensor cores need channel counts divisible by 8, and refuse float32 precision") {
    REQUIRE_TENSOR_CORES();
    const Conv2dShape s{.in_channels = 8, .out_channels = 8};
    const auto supported = [](std::int64_t in, std::int64_t out) {
        return mma::mma_supports({.in_channels = in, .out_channels = out});
    };
    CHECK((supported(8, 8) && supported(24, 136) && supported(256, 64)));
    CHECK((!supported(1, 8) && !supported(8, 1) && !supported(12, 8) && !supported(8, 4) &&
           !supported(0, 8) && !supported(8, 0)));
    CHECK(!mma::mma_supports(
        {.batch = 1 << 16, .height = 1 << 8, .width = 1 << 8, .in_channels = 8, .out_channels = 8}));
    const WithOptions options(exact);
    const OnCuda<float> device({s});
    Buffer<float> output(On::cuda, s.output_elements());
    CHECK_THROWS_AS(mma::mma_forward(s, {.input = device.input.data(),
                                         .weight = device.weight.data(),
                                         .bias = device.bias.data(),
                                         .output = output.data()}),
                    Error);
}
