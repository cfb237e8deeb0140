#pragma once

// What the tests of kernels/conv2d/conv2d.hpp share: one shape on one device, all passes against plain loops.
#include <string>

#include "base/error.hpp"
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/elementwise.hpp"
#include "tests/kernels/table.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/conv2d.hpp"

namespace dnsp::testing {

using kernels::Activation, kernels::Conv2dBackend, kernels::Conv2dEpilogue, kernels::Conv2dOptions,
    kernels::Conv2dPrecision, kernels::Conv2dShape;

template <class T>
inline constexpr double float_bound = 1e-12;
template <>
inline constexpr double float_bound<float> = 1e-5;

/// The CUDA device's convolutions for the time of a scope.
class WithOptions {
  public:
    explicit WithOptions(const Conv2dOptions& options) : before_(kernels::cuda::conv2d_options()) {
        kernels::cuda::set_conv2d_options(options);
    }
    ~WithOptions() { kernels::cuda::set_conv2d_options(before_); }

  private:
    Conv2dOptions before_;
};
/// Reports the case as skipped where the library is not installed.
#define DNSP_REQUIRE_BACKEND(wanted)                                      \
    try {                                                                 \
        ::dnsp::testing::WithOptions({wanted, Conv2dPrecision::float32}); \
    } catch (const ::dnsp::Error& error) {                                \
        DNSP_SKIP(error.what());                                          \
    }

/// In T, by our kernels.
inline constexpr Conv2dOptions exact{Conv2dBackend::ours, Conv2dPrecision::float32};

using Array = std::vector<double>;

inline Array scaled(double factor, Array values) {
    for (double& value : values) value *= factor;
    return values;
}

template <class T>
std::vector<T> random(std::int64_t count, std::uint64_t seed) {
    return reference::cast<T>(reference::uniform(count, seed));
}

/// What `run` writes into `count` elements: on the CUDA device the same bits in every order of threads, or
/// twice where there is one order.
template <class T, class Run>
std::vector<T> output_of(On where, std::int64_t count, Run&& run) {
    std::vector<T> first;
    const auto once = [&] {
        Buffer<T> output(where, count);
        run(output.data());
        CHECK(output.fences_intact());
        if (first.empty()) first = output.values();
        CHECK(reference::same_bits(first, output.values()));
    };
    if (where == On::cpu || simt::thread_orders() == 1) once();
    if (where == On::cuda) for_each_thread_order(once);
    return first;
}

/// One shape on one device: arrays, and references for all passes.
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
    /// `size` is what errors are measured by: the norm of the result before a ReLU, which may leave nothing.
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
            (s_, input_.data(), weight_.data(), bias_.data(),
             {activation, scale, with_residual ? residual_.data() : nullptr}, to);
        });
        Array expected = scaled(scale, sums_);
        if (with_residual)
            for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += r_[i];
        const double size = reference::norm(expected);
        compare(output, activation == Activation::relu ? reference::relu(expected) : expected, size);
    }

    /// `more`: rectified, and added to another contribution, which lies elsewhere or in the output.
    void backward_input(double scale, bool more, bool in_place = false) {
        INFO("backward_input, scale " << scale << (more ? in_place ? ", more, in place" : ", more" : ""));
        const auto output = output_of<T>(where_, s_.input_elements(), [&](T* to) {
            if (in_place) DNSP_KERNEL(where_, add, T)(s_.input_elements(), added_.data(), zeros_.data(), to);
            DNSP_KERNEL(where_, conv2d_backward_input, T)
            (s_, gradient_.data(), scale, weight_.data(), more ? rectified_.data() : nullptr,
             more ? in_place ? to : added_.data() : nullptr, to);
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
            (s_, input_.data(), gradient_.data(), scale, to, with_bias ? bias.data() : nullptr);
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
    // Without fences behind, so that AddressSanitizer sees what is read there.
    const Table<T> input_{where_, reference::cast<T>(x_)}, weight_{where_, reference::cast<T>(w_)},
        bias_{where_, reference::cast<T>(b_)}, gradient_{where_, reference::cast<T>(g_)},
        residual_{where_, reference::cast<T>(r_)}, rectified_{where_, reference::cast<T>(m_)},
        added_{where_, reference::cast<T>(a_)}, zeros_{where_, std::vector<T>(a_.size())};
    const Array sums_ = reference::conv2d_forward(s_, x_, w_, b_),
                input_gradient_ = reference::conv2d_backward_input(s_, g_, w_),
                weight_gradient_ = reference::conv2d_backward_weight(s_, x_, g_),
                offset_gradient_ = reference::conv2d_backward_bias(s_, g_);
};

/// One for each of our kernels in T, and rows of channels that fill vectors and that do not.
inline const std::vector<Conv2dShape> every_path{
    {1, 5, 14, 3, 6, 3, 3}, {1, 5, 14, 4, 8, 3, 3}, {1, 5, 14, 1, 8, 3, 3}, {1, 5, 14, 8, 1, 3, 3}};
/// On the CPU: Winograd, pointwise, single channel with one tile of taps a row and with two, direct; several
/// chunks and strips of each, the last ones smaller.
inline const std::vector<Conv2dShape> every_cpu_path{
    {1, 17, 34, 16, 48, 3, 3}, {1, 13, 14, 32, 16, 1, 1}, {2, 13, 14, 1, 48, 3, 5},
    {2, 13, 14, 32, 1, 5, 3},  {1, 13, 14, 1, 16, 9, 9},  {1, 13, 14, 16, 1, 1, 11},
    {1, 13, 14, 21, 1, 3, 3},  {1, 5, 14, 3, 6, 3, 3},    {2, 13, 14, 20, 37, 3, 5}};
inline const std::vector<Conv2dShape>& every_path_of(On where) {
    return where == On::cpu ? every_cpu_path : every_path;
}

template <class T>
std::vector<T> forward_of(On where, const Conv2dShape& s, const std::vector<T>& input) {
    Buffer<T> x(where, input), w(where, random<T>(s.weight_elements(), 2)),
        b(where, random<T>(s.out_channels, 3)), output(where, s.output_elements());
    DNSP_KERNEL(where, conv2d_forward, T)(s, x.data(), w.data(), b.data(), {}, output.data());
    return output.values();
}

}  // namespace dnsp::testing
