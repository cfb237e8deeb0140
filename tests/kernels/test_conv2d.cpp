#include <cmath>
#include <limits>
#include <utility>

#include "tests/kernels/conv2d_check.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

template <class T>
void check_all(On where) {
    const auto check = [where](const std::vector<Conv2dCase>& table) {
        for (const auto& [name, shape] : table) {
            INFO(name);
            Check<T> shape_on_device(where, shape, float_bound<T>);
            shape_on_device.once();
            if (where == On::cpu) shape_on_device.plain();
        }
    };
    check(conv2d_cases);
    if (where == On::cpu || !simt::is_emulator()) check(larger_conv2d_cases);
}

/// NaN must not be hidden.
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
    (s, {.input = input.data(),
         .weight = weight.data(),
         .bias = bias.data(),
         .epilogue = {.activation = Activation::relu},
         .output = output.data()});
    const auto y = output.values();
    CHECK(y.front() == 0.0f);  // far from the NaN, negative before the ReLU
    CHECK(std::isnan(y.back()));
}

void check_unaligned_arrays(On where) {
    for (const Conv2dShape& s : every_path_of(where)) {
        const auto x = random<float>(s.input_elements(), 1), w = random<float>(s.weight_elements(), 2),
                   b = random<float>(s.out_channels, 3), g = random<float>(s.output_elements(), 4),
                   r = random<float>(s.output_elements(), 5);
        // index of the unaligned array
        for (int odd = 0; odd < 6; ++odd) {
            INFO("array " << odd << " is not aligned");
            const auto shifted = [&](int array, std::vector<float> values) {
                if (odd == array) values.insert(values.begin(), 0.0f);
                return values;
            };
            const auto at = [&](int array, Buffer<float>& buffer) {
                return buffer.data() + (odd == array ? 1 : 0);
            };
            const auto expect = [&](const Buffer<float>& buffer, const Array& expected) {
                std::vector<float> values = buffer.values();
                if (odd == 5) values.erase(values.begin());
                CHECK(buffer.fences_intact());
                CHECK(reference::relative_error(values, expected) <= 1e-5);
            };
            const int first = odd == 5 ? 1 : 0;
            Buffer<float> input(where, shifted(0, x)), weight(where, shifted(1, w)),
                bias(where, shifted(2, b)), gradient(where, shifted(3, g)), residual(where, shifted(4, r)),
                output(where, s.output_elements() + first), input_gradient(where, s.input_elements() + first),
                weight_gradient(where, s.weight_elements() + first);
            DNSP_KERNEL(where, conv2d_forward, float)
            (s, {.input = at(0, input),
                 .weight = at(1, weight),
                 .bias = at(2, bias),
                 .epilogue = {.residual = at(4, residual)},
                 .output = at(5, output)});
            DNSP_KERNEL(where, conv2d_backward_input, float)
            (s, {.output_gradient = at(3, gradient),
                 .weight = at(1, weight),
                 .input_gradient = at(5, input_gradient)});
            DNSP_KERNEL(where, conv2d_backward_weight, float)
            (s, {.input = at(0, input),
                 .output_gradient = at(3, gradient),
                 .weight_gradient = at(5, weight_gradient)});
            const auto wide = [](const std::vector<float>& values) { return reference::widen(values); };
            Array sums = reference::conv2d_forward(s, wide(x), wide(w), wide(b));
            for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(r[i]);
            expect(output, sums);
            expect(input_gradient, reference::conv2d_backward_input(s, wide(g), wide(w)));
            expect(weight_gradient, reference::conv2d_backward_weight(s, wide(x), wide(g)));
        }
    }
}

}  // namespace

TEST_CASE("conv2d in float32 agrees with plain loops in double") {
    const WithOptions options(exact);
    check_all<float>(device_under_test());
}

TEST_CASE("conv2d in float64 agrees with plain loops in double") { check_all<double>(device_under_test()); }

TEST_CASE("conv2d with every epilogue") {
    const WithOptions options(exact);
    const On where = device_under_test();
    for (const Conv2dShape& shape : every_path_of(where)) {
        Check<float>(where, shape, float_bound<float>).with_every_epilogue();
        Check<double>(where, shape, float_bound<double>).with_every_epilogue();
    }
}

TEST_CASE("a NaN in the input is not hidden by the ReLU of a convolution") {
    for (const auto precision : {Conv2dPrecision::float32, Conv2dPrecision::tf32})
        for (const auto& [in, out] : {std::pair{2, 2}, {1, 4}, {4, 1}, {8, 8}, {16, 16}, {1, 16}, {16, 1}}) {
            const WithOptions options({Conv2dBackend::native, precision});
            check_nan_in_input(device_under_test(), in, out);
        }
}

TEST_CASE("conv2d is a cross-correlation: a tap right of the centre reads the pixel to the right") {
    const On where = device_under_test();
    const Conv2dShape s{1, 1, 3, 1, 1, 3, 3};
    Buffer<float> image(where, std::vector<float>{1, 2, 4}), bias(where, std::vector<float>{0}),
        weight(where, std::vector<float>{0, 0, 0, 0, 0, 1, 0, 0, 0}), output(where, 3);
    DNSP_KERNEL(where, conv2d_forward, float)
    (s, {.input = image.data(), .weight = weight.data(), .bias = bias.data(), .output = output.data()});
    CHECK(output.values() == std::vector<float>{2, 4, 0});
}

TEST_CASE("conv2d accepts arrays that are aligned to their elements only") {
    check_unaligned_arrays(device_under_test());
}

TEST_CASE("conv2d of no images leaves gradients of zeros") {
    const WithOptions options(exact);
    check_no_images(device_under_test());
}
