#pragma once

// All passes of a convolution between images of which one or both are stored as bfloat16.
#include "tests/kernels/conv2d_cases.hpp"

namespace dnsp::testing {

/// An image: in device memory, and as the reference reads it. Values are exact in bfloat16, to which products
/// may round them.
template <class T>
struct Image {
    Array values;
    Buffer<T> on_device;
    Image(On where, std::int64_t count, std::uint64_t seed, bool relu = false)
        : Image(where,
                stored<T>(widened(stored<bfloat16>(relu ? reference::relu(reference::uniform(count, seed))
                                                        : reference::uniform(count, seed))))) {}
    Image(On where, const std::vector<T>& all) : values(widened(all)), on_device(where, all) {}
    T* data() { return on_device.data(); }
};

/// `bound`: of the root mean square of the errors of the sums, relative to that of the result before a ReLU
/// or mask, whose norm is `norm`. The error of an element may be ten times as large. Results stored as
/// bfloat16 are rounded in addition.
template <class T>
void compare(Buffer<T>& got, const Array& expected, double bound, double norm) {
    CHECK(got.fences_intact());
    const Array values = widened(got.values());
    REQUIRE(values.size() == expected.size());
    const double rounding = std::is_same_v<T, bfloat16> ? 0x1p-8 : 0.0;
    const double size = norm / std::sqrt(static_cast<double>(expected.size()));
    std::size_t wrong = 0;
    Array errors;
    for (std::size_t i = 0; i < values.size(); ++i) {
        errors.push_back(values[i] - expected[i]);
        if (!(std::abs(errors[i]) <= rounding * std::abs(expected[i]) + 10 * bound * size)) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(reference::norm(errors) <= (rounding + bound) * norm);
}

template <class T>
void compare(Buffer<T>& got, const Array& expected, double bound) {
    compare(got, expected, bound, reference::norm(expected));
}

/// All passes with all epilogues, against plain loops in double on what is stored. `bound_of_weight`: of the
/// gradient of the weight.
template <class In, class Out>
void check_stored(On where, const Conv2dShape& s, double bound, double bound_of_weight) {
    INFO("in " << sizeof(In) << " bytes, out " << sizeof(Out) << " bytes, " << text(s));
    Image<In> input(where, s.input_elements(), 1), relu_output(where, s.input_elements(), 6, true),
        accumulate(where, s.input_elements(), 7);
    Image<Out> gradient(where, s.output_elements(), 4), residual(where, s.output_elements(), 5);
    // Weights are exact in bfloat16, because tensor cores round them.
    const Array w = widened(stored<bfloat16>(reference::uniform(s.weight_elements(), 2, -0.2, 0.2)));
    const Array b = widened(stored<float>(reference::uniform(s.out_channels, 3)));
    Buffer<float> weight(where, stored<float>(w)), bias(where, stored<float>(b));

    Array expected = scaled(0.5, reference::conv2d_forward(s, input.values, w, b));
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += residual.values[i];
    Buffer<Out> output(where, s.output_elements());
    DNSP_STORED(where, conv2d_forward<In, Out>)
    (s, {.input = input.data(),
         .weight = weight.data(),
         .bias = bias.data(),
         .epilogue = {Activation::relu, 0.5, residual.data()},
         .output = output.data()});
    compare(output, reference::relu(expected), bound, reference::norm(expected));

    const Array to_input = scaled(-0.5, reference::conv2d_backward_input(s, gradient.values, w));
    for (const bool mask : {false, true})
        for (const bool add : {false, true}) {
            INFO("backward_input" << (mask ? ", masked" : "") << (add ? ", added" : ""));
            Array sum = to_input;
            for (std::size_t i = 0; i < sum.size(); ++i)
                if (add) sum[i] += accumulate.values[i];
            const double norm = reference::norm(sum);
            for (std::size_t i = 0; i < sum.size(); ++i)
                if (mask && relu_output.values[i] == 0) sum[i] = 0;
            const auto run = [&](const In* accumulated, In* to) {
                DNSP_STORED(where, conv2d_backward_input<In, Out>)
                (s, {.output_gradient = gradient.data(),
                     .scale = -0.5,
                     .weight = weight.data(),
                     .relu_output = mask ? relu_output.data() : nullptr,
                     .accumulate = accumulated,
                     .input_gradient = to});
            };
            Buffer<In> input_gradient(where, s.input_elements());
            run(add ? accumulate.data() : nullptr, input_gradient.data());
            compare(input_gradient, sum, bound, norm);
            if (!add) continue;
            Buffer<In> in_place(where, stored<In>(accumulate.values));
            run(in_place.data(), in_place.data());
            compare(in_place, sum, bound, norm);
        }

    Buffer<float> weight_gradient(where, s.weight_elements()), bias_gradient(where, s.out_channels),
        bias_alone(where, s.out_channels);
    DNSP_STORED(where, conv2d_backward_weight<In, Out>)
    (s, {.input = input.data(),
         .output_gradient = gradient.data(),
         .scale = 0.5,
         .weight_gradient = weight_gradient.data(),
         .bias_gradient = bias_gradient.data()});
    compare(weight_gradient, scaled(0.5, reference::conv2d_backward_weight(s, input.values, gradient.values)),
            bound_of_weight);
    const Array offsets = scaled(0.5, reference::conv2d_backward_bias(s, gradient.values));
    compare(bias_gradient, offsets, 1e-5);
    DNSP_STORED(where, conv2d_backward_bias<Out>)(s, gradient.data(), 0.5, bias_alone.data());
    compare(bias_alone, offsets, 1e-5);
}

inline void check_all_stored(On where, const Conv2dShape& s, double bound, double bound_of_weight) {
    check_stored<bfloat16, bfloat16>(where, s, bound, bound_of_weight);
    check_stored<float, bfloat16>(where, s, bound, bound_of_weight);
    check_stored<bfloat16, float>(where, s, bound, bound_of_weight);
}

}  // namespace dnsp::testing
