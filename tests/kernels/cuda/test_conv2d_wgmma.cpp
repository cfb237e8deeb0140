#include "kernels/conv2d/cuda/wgmma.hpp"

#include <cmath>
#include <limits>

#include "tests/kernels/conv2d_cases.hpp"
#include "tests/reference/rounding.hpp"

using namespace dnsp;
using namespace dnsp::testing;
namespace wgmma = kernels::cuda::detail;

#define REQUIRE_HOPPER()                                                 \
    if (!wgmma::wgmma_supports({.in_channels = 64, .out_channels = 64})) \
    DNSP_SKIP("the device is not of compute capability 9.0")

namespace {

/// Images as stored in bfloat16, weights as in float32.
Operands stored_as_bfloat16(const Conv2dShape& s) {
    return Operands{s}.with_images(reference::round_to_bfloat16);
}

template <class Run>
Array image_of(std::int64_t count, Run&& run) {
    return widened(output_of<bfloat16>(On::cuda, count, run));
}

/// Checks that `image` is `expected` after rounding: within 2⁻⁸ of each element, plus the error of float32
/// sums. `sums` are the values before a ReLU.
void check_image(const Array& image, const Array& expected, const Array& sums) {
    REQUIRE(image.size() == expected.size());
    const double size = reference::norm(sums) / std::sqrt(static_cast<double>(sums.size()));
    double worst = 0;
    for (std::size_t i = 0; i < image.size(); ++i) {
        const double error = std::abs(image[i] - expected[i]) - 0x1p-8 * std::abs(expected[i]);
        worst = error <= worst ? worst : error;  // a NaN is the largest error
    }
    CHECK(worst <= 1e-5 * size);
}

constexpr double factor = 0.6;

void check(const Conv2dShape& s) {
    INFO(text(s));
    REQUIRE(wgmma::wgmma_supports(s));
    const Operands exact = stored_as_bfloat16(s), rounded = exact.with_weight(reference::round_to_bfloat16);
    const OnCuda<bfloat16> device(exact);

    const auto output = image_of(s.output_elements(), [&](bfloat16* to) {
        wgmma::wgmma_forward(s, {.input = device.input.data(),
                                 .weight = device.weight.data(),
                                 .bias = device.bias.data(),
                                 .output = to});
    });
    CHECK(reference::relative_error(output, exact.forward()) <= 1e-2);
    check_image(output, rounded.forward(), rounded.forward());

    const auto input_gradient = image_of(s.input_elements(), [&](bfloat16* to) {
        wgmma::wgmma_backward_input(s, {.output_gradient = device.gradient.data(),
                                        .scale = factor,
                                        .weight = device.weight.data(),
                                        .input_gradient = to});
    });
    const Array expected = scaled(factor, rounded.backward_input());
    CHECK(reference::relative_error(input_gradient, scaled(factor, exact.backward_input())) <= 1e-2);
    check_image(input_gradient, expected, expected);

    const auto weight_gradient = output_of<float>(On::cuda, s.weight_elements(), [&](float* to) {
        wgmma::wgmma_backward_weight(s, {.input = device.input.data(),
                                         .output_gradient = device.gradient.data(),
                                         .scale = factor,
                                         .weight_gradient = to});
    });
    CHECK(reference::relative_error(weight_gradient, scaled(factor, exact.backward_weight())) <= 1e-5);
}

}  // namespace

TEST_CASE("conv2d by wgmma multiplies in bfloat16 and sums in float32") {
    REQUIRE_HOPPER();
    for (const auto& shape : wgmma_cases) check(shape);
}

TEST_CASE("conv2d by wgmma adds the bias, scales, adds the residual and applies the ReLU") {
    REQUIRE_HOPPER();
    for (const Conv2dShape s : {Conv2dShape{1, 7, 19, 64, 128, 1, 3}, Conv2dShape{2, 3, 7, 64, 256, 1, 1}}) {
        const Operands p = stored_as_bfloat16(s).with_weight(reference::round_to_bfloat16);
        Operands without_bias = p;
        without_bias.bias.assign(p.bias.size(), 0.0);
        const OnCuda<bfloat16> device(p);
        const Array residual = widened(stored<bfloat16>(reference::uniform(s.output_elements(), 5)));
        const Table<bfloat16> residual_on_device(On::cuda, stored<bfloat16>(residual));
        for (auto activation : {Activation::none, Activation::relu})
            for (double scale : {1.0, -0.3})
                for (bool with_bias : {false, true})
                    for (bool with_residual : {false, true}) {
                        INFO("scale " << scale << (with_bias ? ", bias" : "")
                                      << (with_residual ? ", residual" : "")
                                      << (activation == Activation::relu ? ", ReLU" : ""));
                        const auto output = image_of(s.output_elements(), [&](bfloat16* to) {
                            wgmma::wgmma_forward(
                                s, {.input = device.input.data(),
                                    .weight = device.weight.data(),
                                    .bias = with_bias ? device.bias.data() : nullptr,
                                    .epilogue = {activation, scale,
                                                 with_residual ? residual_on_device.data() : nullptr},
                                    .output = to});
                        });
                        Array expected = scaled(scale, (with_bias ? p : without_bias).forward());
                        if (with_residual)
                            for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += residual[i];
                        check_image(output,
                                    activation == Activation::relu ? reference::relu(expected) : expected,
                                    expected);
                    }
    }
}

TEST_CASE("the gradient by wgmma is 0 wherever the ReLU's output is not positive") {
    REQUIRE_HOPPER();
    const Conv2dShape s{1, 7, 19, 128, 64, 3, 1};
    const Operands p = stored_as_bfloat16(s).with_weight(reference::round_to_bfloat16);
    const OnCuda<bfloat16> device(p);
    Array relu_output = reference::relu(p.input);
    relu_output[3] = std::numeric_limits<double>::quiet_NaN();
    relu_output[5] = -0.0;
    relu_output[8] = -1.0;
    relu_output[9] = 1e-30;
    const Array sums = scaled(factor, p.backward_input());
    Array expected = sums;
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (!(relu_output[i] > 0)) expected[i] = 0;
    const Table<bfloat16> relu_output_on_device(On::cuda, stored<bfloat16>(relu_output));
    const auto gradient = image_of(s.input_elements(), [&](bfloat16* to) {
        wgmma::wgmma_backward_input(s, {.output_gradient = device.gradient.data(),
                                        .scale = factor,
                                        .weight = device.weight.data(),
                                        .relu_output = relu_output_on_device.data(),
                                        .input_gradient = to});
    });
    check_image(gradient, expected, sums);
    for (std::size_t i = 0; i < expected.size(); ++i) REQUIRE((gradient[i] == 0) == (expected[i] == 0));
}

TEST_CASE("a NaN passes through wgmma and the ReLU to the pixels that see it, and to no other") {
    REQUIRE_HOPPER();
    const Conv2dShape s{2, 9, 15, 64, 64, 3, 3};
    Operands p = stored_as_bfloat16(s);
    // All channels of the pixel, so that reads past the channels of another pixel show.
    for (std::int64_t channel = 0; channel < s.in_channels; ++channel)
        p.input[static_cast<std::size_t>((4 * s.width + 13) * s.in_channels + channel)] = std::nan("");
    const OnCuda<bfloat16> device(p);
    const auto output = image_of(s.output_elements(), [&](bfloat16* to) {
        wgmma::wgmma_forward(s, {.input = device.input.data(),
                                 .weight = device.weight.data(),
                                 .bias = device.bias.data(),
                                 .epilogue = {.activation = Activation::relu},
                                 .output = to});
    });
    for (std::size_t i = 0; i < output.size(); ++i) {
        const auto pixel = static_cast<std::int64_t>(i) / s.out_channels;
        const std::int64_t x = pixel % s.width, y = pixel / s.width;  // the second image follows the first
        REQUIRE(std::isnan(output[i]) == (std::abs(y - 4) <= 1 && x >= 12));
    }
}

TEST_CASE("conv2d by wgmma of no images leaves a weight gradient of zeros") {
    REQUIRE_HOPPER();
    const Conv2dShape s{0, 5, 6, 64, 128, 3, 3};
    const Operands p = stored_as_bfloat16(s);
    const OnCuda<bfloat16> device(p);
    CHECK(image_of(0, [&](bfloat16* to) {
              wgmma::wgmma_forward(s, {.input = device.input.data(),
                                       .weight = device.weight.data(),
                                       .bias = device.bias.data(),
                                       .output = to});
              wgmma::wgmma_backward_input(s, {.output_gradient = device.gradient.data(),
                                              .weight = device.weight.data(),
                                              .input_gradient = to});
          }).empty());
    const auto weight_gradient = output_of<float>(On::cuda, s.weight_elements(), [&](float* to) {
        wgmma::wgmma_backward_weight(
            s,
            {.input = device.input.data(), .output_gradient = device.gradient.data(), .weight_gradient = to});
    });
    CHECK(weight_gradient == std::vector<float>(static_cast<std::size_t>(s.weight_elements()), 0.0f));
}

TEST_CASE("wgmma needs channel counts divisible by 64") {
    REQUIRE_HOPPER();
    const auto supported = [](std::int64_t in, std::int64_t out) {
        return wgmma::wgmma_supports({.height = 40, .width = 40, .in_channels = in, .out_channels = out});
    };
    CHECK((supported(64, 64) && supported(64, 320) && supported(256, 64)));
    CHECK((!supported(1, 64) && !supported(64, 1) && !supported(96, 64) && !supported(64, 8) &&
           !supported(0, 64) && !supported(64, 0)));
    CHECK(!wgmma::wgmma_supports(
        {.batch = 1 << 16, .height = 1 << 8, .width = 1 << 8, .in_channels = 64, .out_channels = 64}));
    const auto supports_height = [](std::int64_t kernel_height) {
        return wgmma::wgmma_supports({.in_channels = 64, .out_channels = 64, .kernel_height = kernel_height});
    };
    CHECK((supports_height(11) && !supports_height(13)));
}
