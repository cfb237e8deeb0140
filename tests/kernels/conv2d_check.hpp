#pragma once

// All passes of kernels/conv2d/conv2d.hpp against plain loops, for one shape on one device.
#include "kernels/elementwise.hpp"
#include "tests/kernels/conv2d_cases.hpp"

namespace dnsp::testing {

/// Arrays and references of all passes, for one shape on one device.
template <class T>
class Check {
  public:
    Check(On where, const Conv2dShape& shape, double bound) : where_(where), s_(shape), bound_(bound) {}

    void plain() {
        forward(Activation::none, 1.0, false);
        forward(Activation::relu, 1.0, false);
        backward_input(1.0, false);
        backward_weight(1.0, false);
        backward_bias(1.0);
    }
    void once() {
        forward(Activation::relu, 0.7, true);
        backward_input(-0.3, true);
        backward_input(0.8, true, true);
        backward_weight(-0.3, true);
        backward_bias(0.5);
    }
    void with_every_epilogue() {
        for (const auto activation : {Activation::none, Activation::relu})
            for (const double scale : {1.0, 0.1, -0.3})
                for (const bool residual : {false, true}) forward(activation, scale, residual);
        for (const double scale : {1.0, -0.3})
            for (const bool more : {false, true}) {
                backward_input(scale, more);
                if (more) backward_input(scale, more, true);
                backward_weight(scale, more);
            }
        for (const double scale : {1.0, 0.5}) backward_bias(scale);
    }

  private:
    /// Errors are relative to `size`, the norm of the result before a ReLU, which may leave only zeros.
    void compare(const std::vector<T>& values, const Array& expected, double size) {
        REQUIRE(values.size() == expected.size());
        Array difference = expected;
        for (std::size_t i = 0; i < values.size(); ++i) difference[i] -= static_cast<double>(values[i]);
        CHECK(reference::norm(difference) <= bound_ * size);
    }

    void forward(Activation activation, double scale, bool with_residual) {
        INFO("forward, scale " << scale << (with_residual ? ", residual" : "")
                               << (activation == Activation::relu ? ", ReLU" : ""));
        const auto output = output_of<T>(where_, s_.output_elements(), [&](T* to) {
            DNSP_KERNEL(where_, conv2d_forward, T)
            (s_, {.input = input_.data(),
                  .weight = weight_.data(),
                  .bias = bias_.data(),
                  .epilogue = {activation, scale, with_residual ? residual_.data() : nullptr},
                  .output = to});
        });
        Array expected = scaled(scale, sums_);
        if (with_residual)
            for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += r_[i];
        const double size = reference::norm(expected);
        compare(output, activation == Activation::relu ? reference::relu(expected) : expected, size);
    }

    /// `more`: with a ReLU mask, and added to a gradient that is separate or aliases the output.
    void backward_input(double scale, bool more, bool in_place = false) {
        INFO("backward_input, scale " << scale << (more ? in_place ? ", more, in place" : ", more" : ""));
        const auto output = output_of<T>(where_, s_.input_elements(), [&](T* to) {
            if (in_place)
                DNSP_KERNEL(where_, add, T)(s_.input_elements(), accumulate_.data(), zeros_.data(), to);
            DNSP_KERNEL(where_, conv2d_backward_input, T)
            (s_, {.output_gradient = gradient_.data(),
                  .scale = scale,
                  .weight = weight_.data(),
                  .relu_output = more ? relu_output_.data() : nullptr,
                  .accumulate = more ? in_place ? to : accumulate_.data() : nullptr,
                  .input_gradient = to});
        });
        Array expected = scaled(scale, input_gradient_);
        if (more)
            for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += a_[i];
        const double size = reference::norm(expected);
        if (more)
            for (std::size_t i = 0; i < expected.size(); ++i)
                if (m_[i] == 0) expected[i] = 0;
        compare(output, expected, size);
    }

    void backward_weight(double scale, bool with_bias) {
        INFO("backward_weight, scale " << scale << (with_bias ? ", bias" : ""));
        std::vector<T> bias_gradient;
        const auto output = output_of<T>(where_, s_.weight_elements(), [&](T* to) {
            Buffer<T> bias(where_, s_.out_channels);
            DNSP_KERNEL(where_, conv2d_backward_weight, T)
            (s_, {.input = input_.data(),
                  .output_gradient = gradient_.data(),
                  .scale = scale,
                  .weight_gradient = to,
                  .bias_gradient = with_bias ? bias.data() : nullptr});
            bias_gradient = bias.values();
            CHECK(bias.fences_intact());
        });
        const Array expected = scaled(scale, weight_gradient_);
        compare(output, expected, reference::norm(expected));
        const Array offsets = scaled(scale, offset_gradient_);
        if (with_bias) compare(bias_gradient, offsets, reference::norm(offsets));
    }

    void backward_bias(double scale) {
        INFO("backward_bias, scale " << scale);
        const auto output = output_of<T>(where_, s_.out_channels, [&](T* to) {
            DNSP_KERNEL(where_, conv2d_backward_bias, T)(s_, gradient_.data(), scale, to);
        });
        const Array expected = scaled(scale, offset_gradient_);
        compare(output, expected, reference::norm(expected));
    }

    static Array in_t(std::int64_t count, std::uint64_t seed) {
        return reference::widen(random<T>(count, seed));
    }

    On where_;
    Conv2dShape s_;
    double bound_;
    const Array x_ = in_t(s_.input_elements(), 1), w_ = in_t(s_.weight_elements(), 2),
                b_ = in_t(s_.out_channels, 3), g_ = in_t(s_.output_elements(), 4),
                r_ = in_t(s_.output_elements(), 5), m_ = reference::relu(in_t(s_.input_elements(), 6)),
                a_ = in_t(s_.input_elements(), 7);
    // Without fences after them, so that AddressSanitizer finds reads out of bounds.
    const Table<T> input_{where_, reference::cast<T>(x_)}, weight_{where_, reference::cast<T>(w_)},
        bias_{where_, reference::cast<T>(b_)}, gradient_{where_, reference::cast<T>(g_)},
        residual_{where_, reference::cast<T>(r_)}, relu_output_{where_, reference::cast<T>(m_)},
        accumulate_{where_, reference::cast<T>(a_)}, zeros_{where_, std::vector<T>(a_.size())};
    const Array sums_ = reference::conv2d_forward(s_, x_, w_, b_),
                input_gradient_ = reference::conv2d_backward_input(s_, g_, w_),
                weight_gradient_ = reference::conv2d_backward_weight(s_, x_, g_),
                offset_gradient_ = reference::conv2d_backward_bias(s_, g_);
};

inline void check_no_images(On where) {
    for (Conv2dShape s : every_path_of(where)) {
        s.batch = 0;
        Buffer<float> nothing(where, 0), weight(where, random<float>(s.weight_elements(), 1)),
            bias(where, random<float>(s.out_channels, 2));
        DNSP_KERNEL(where, conv2d_forward, float)
        (s,
         {.input = nothing.data(), .weight = weight.data(), .bias = bias.data(), .output = nothing.data()});
        DNSP_KERNEL(where, conv2d_backward_input, float)
        (s, {.output_gradient = nothing.data(), .weight = weight.data(), .input_gradient = nothing.data()});
        CHECK(nothing.fences_intact());
        DNSP_KERNEL(where, conv2d_backward_weight, float)
        (s, {.input = nothing.data(),
             .output_gradient = nothing.data(),
             .weight_gradient = weight.data(),
             .bias_gradient = bias.data()});
        CHECK(reference::norm(weight.values()) == 0);
        CHECK(reference::norm(bias.values()) == 0);
    }
}

}  // namespace dnsp::testing
