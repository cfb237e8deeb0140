// Repeated calls give bitwise identical results (determinism.hpp). New kernels are checked in their test
// files.
#include "kernels/adam.hpp"
#include "kernels/batch_norm.hpp"
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/copy_rows.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/elu.hpp"
#include "kernels/filter_measure.hpp"
#include "kernels/filter_norms.hpp"
#include "kernels/filter_variance.hpp"
#include "kernels/low_rank/low_rank.hpp"
#include "kernels/match_values.hpp"
#include "kernels/patch_sampling.hpp"
#include "kernels/step_position.hpp"
#include "kernels/total_variation.hpp"
#include "kernels/weighted_sum.hpp"
#include "tests/kernels/determinism.hpp"
#include "tests/kernels/table.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using testing::Buffer;
using testing::On;

using testing::Run, testing::Threads, testing::check_same_bits;
#define KERNEL DNSP_DETERMINISTIC_KERNEL
#define PLAIN_KERNEL DNSP_DETERMINISTIC_PLAIN_KERNEL

namespace {

/// Inputs on a device, and memory for outputs that are ignored.
template <class T>
struct Arrays {
    explicit Arrays(On where, std::int64_t count)
        : a(where, reference::cast<T>(reference::uniform(count, 1))),
          b(where, reference::cast<T>(reference::uniform(count, 2))),
          scratch(where, count),
          numbers(where, reference::uniform(81, 3, 0.5, 1)) {}
    Buffer<T> a, b, scratch;
    Buffer<double> numbers;
};

template <class T>
void check_elementwise(On where) {
    const std::int64_t n = 50001;
    Arrays<T> in(where, n);
    T *a = in.a.data(), *b = in.b.data(), *scratch = in.scratch.data();
    const testing::Table<kernels::StepPosition> first_step(where, {{0, 0}});
    const auto same = [&](const char* name, const Run<T>& run) { check_same_bits<T>(where, name, n, run); };
    same("fill", [&](T* o) { KERNEL(where, fill, T)(n, T(0.7), o); });
    same("add", [&](T* o) { KERNEL(where, add, T)(n, a, b, o); });
    same("scale", [&](T* o) { KERNEL(where, scale, T)(n, 0.3, a, o); });
    same("add_scaled", [&](T* o) { KERNEL(where, add_scaled, T)(n, a, 0.3, b, o); });
    same("relu_forward", [&](T* o) { KERNEL(where, relu_forward, T)(n, a, o); });
    same("relu_backward", [&](T* o) { KERNEL(where, relu_backward, T)(n, a, b, o); });
    same("elu_forward", [&](T* o) { KERNEL(where, elu_forward, T)(n, a, o); });
    same("elu_backward", [&](T* o) { KERNEL(where, elu_backward, T)(n, a, b, o); });
    same("copy_rows", [&](T* o) { KERNEL(where, copy_rows, T)({n / 5, 3, 3, 5}, a, o); });
    same("adam", [&](T* o) {
        Arrays<T> moments(where, n);
        KERNEL(where, relu_forward, T)(n, moments.b.data(), moments.b.data());  // v ≥ 0
        kernels::AdamShape shape;
        shape.segments[0] = {7, n - 7};
        shape.segment_count = 1;
        const testing::Table<kernels::AdamRates> rates(where, {adam_rates(shape, {1e-2}, 1)});
        KERNEL(where, adam, T)
        (shape, rates.data(), first_step.data(), b, o, moments.a.data(), moments.b.data());
    });
    check_same_bits<double>(where, "finish_step", 81, [&](double* o) {
        Buffer<std::int64_t> position(where, std::vector<std::int64_t>{0, 2});
        PLAIN_KERNEL(where, finish_step)
        ({20, 7, 3}, in.numbers.data(), in.numbers.data() + 40,
         reinterpret_cast<kernels::StepPosition*>(position.data()), o);
    });
    check_same_bits<double>(where, "weighted_sum", 5, [&](double* o) {
        const double* x = in.numbers.data();
        KERNEL(where, weighted_sum, T)({{{{x, 81, a, n, 0.3, 1.0}, {x, 7, b, n / 3, -2.0, 0.1}}}, 2}, o);
    });
    same("sum_of_arrays", [&](T* o) {
        KERNEL(where, sum_of_arrays, T)(n, in.numbers.data(), {{{{a, 0.3}, {b, -2.0}}}, 2}, a, o);
    });
    check_same_bits<double>(where, "squared_error", kernels::squared_error_parts(n), [&](double* o) {
        KERNEL(where, squared_error, T)(n, a, b, scratch, o);
    });
}

template <class T>
void check_batch_norm(On where) {
    const kernels::BatchNormShape s{.pixels = 3001, .channels = 37};
    const std::int64_t n = s.elements();
    Arrays<T> in(where, n);
    Buffer<double> mean(where, reference::uniform(37, 4)), inverse(where, reference::uniform(37, 5, 1, 2)),
        sums(where, reference::uniform(74, 6)), numbers(where, 74);
    Buffer<T> ones(where, std::vector<T>(37, T(1))), small(where, 37);
    T *a = in.a.data(), *b = in.b.data(), *scratch = in.scratch.data();
    check_same_bits<double>(where, "batch_norm_statistics", 37, [&](double* o) {
        KERNEL(where, batch_norm_statistics, T)(s, a, o, numbers.data(), scratch, small.data());
    });
    check_same_bits<T>(where, "batch_norm_statistics, running", 37, [&](T* o) {
        KERNEL(where, batch_norm_statistics, T)(s, a, numbers.data(), numbers.data() + 37, small.data(), o);
    });
    check_same_bits<T>(where, "batch_norm_forward", n, [&](T* o) {
        KERNEL(where, batch_norm_forward, T)(s, a, mean.data(), inverse.data(), b, b, o);
    });
    check_same_bits<T>(where, "batch_norm_inference", n, [&](T* o) {
        KERNEL(where, batch_norm_inference, T)(s, a, b, ones.data(), b, b, o);
    });
    check_same_bits<double>(where, "batch_norm_backward_parameters", 74, [&](double* o) {
        KERNEL(where, batch_norm_backward_parameters, T)
        (s, a, mean.data(), inverse.data(), b, o, small.data(), scratch);
    });
    check_same_bits<T>(where, "batch_norm_backward_input", n, [&](T* o) {
        KERNEL(where, batch_norm_backward_input, T)
        (s, a, mean.data(), inverse.data(), b, sums.data(), b, a, o);
    });
}

template <class T>
void check_priors(On where) {
    const kernels::FilterVarianceShape shape{4, 30, 25, 8, 3, kernels::Border::valid};
    const std::int64_t pixels = 4 * 30 * 25;
    Arrays<T> in(where, pixels);
    Buffer<double> values(where, 4);
    T *a = in.a.data(), *b = in.b.data(), *scratch = in.scratch.data();
    check_same_bits<T>(where, "filter_variance, image", pixels, [&](T* o) {
        KERNEL(where, filter_variance, T)(shape, a, b, values.data(), o, nullptr);
    });
    check_same_bits<T>(where, "filter_variance, filters", 72, [&](T* o) {
        KERNEL(where, filter_variance, T)(shape, a, b, values.data(), scratch, o);
    });
    check_same_bits<double>(where, "filter_variance, value", 4, [&](double* o) {
        KERNEL(where, filter_variance, T)(shape, a, b, o, scratch, nullptr);
    });
    check_same_bits<double>(where, "accumulate_tap_gram", 81, [&](double* o) {
        KERNEL(where, accumulate_tap_gram, T)(shape, a, 1.0, o);
    });
    check_same_bits<T>(where, "filter_measure", 72, [&](T* o) {
        KERNEL(where, filter_measure, T)(8, 9, in.numbers.data(), b, values.data(), o);
    });
    check_same_bits<double>(where, "filter_measure, value", 1, [&](double* o) {
        KERNEL(where, filter_measure, T)(8, 9, in.numbers.data(), b, o, scratch);
    });
    check_same_bits<double>(where, "filter_norms", 8, [&](double* o) {
        KERNEL(where, filter_norms, T)(8, 25, b, o);
    });
    check_same_bits<T>(where, "rescale_filters", 200, [&](T* o) {
        KERNEL(where, add, T)(200, a, b, o);
        KERNEL(where, rescale_filters, T)(8, 25, in.numbers.data(), o);
    });
    check_same_bits<T>(where, "total_variation", pixels, [&](T* o) {
        KERNEL(where, total_variation, T)({4, 30, 25, 1e-3}, a, values.data(), o);
    });
    check_same_bits<T>(where, "match_values", pixels, [&](T* o) {
        KERNEL(where, add, T)(pixels, a, a, o);
        KERNEL(where, match_values, T)
        ({4, 750, kernels::Matching::square_root}, in.numbers.data(), in.numbers.data() + 4, values.data(),
         o);
    });
    check_same_bits<double>(where, "total_variation, value", 4, [&](double* o) {
        KERNEL(where, total_variation, T)({4, 30, 25, 1e-3}, a, o, scratch);
    });
}

template <class T>
void check_low_rank(On where) {
    const std::int64_t count = 4 * 18 * 20;
    Arrays<T> in(where, count);
    Buffer<double> values(where, 4);
    check_same_bits<T>(where, "low_rank_svd", count, [&](T* o) {
        KERNEL(where, low_rank_svd, T)({4, 18, 20, 0.1}, in.a.data(), values.data(), o);
    });
    check_same_bits<T>(where, "low_rank_matrix_exponential", count, [&](T* o) {
        KERNEL(where, low_rank_matrix_exponential, T)({4, 18, 20, 0.1}, in.a.data(), values.data(), o);
    });
}

template <class T>
void check_conv2d(On where, const kernels::Conv2dShape& s, Threads threads) {
    Arrays<T> in(where, std::max({s.input_elements(), s.output_elements(), s.weight_elements()}));
    Buffer<T> bias(where, s.out_channels);
    T *a = in.a.data(), *b = in.b.data();
    const auto same = [&](const char* name, std::int64_t count, const Run<T>& run) {
        check_same_bits<T>(where, name, count, run, threads);
    };
    same("conv2d_forward", s.output_elements(), [&](T* o) {
        KERNEL(where, conv2d_forward, T)
        (s,
         {.input = a, .weight = b, .bias = b, .epilogue = {kernels::Activation::relu, 0.5, a}, .output = o});
    });
    same("conv2d_backward_input", s.input_elements(), [&](T* o) {
        KERNEL(where, conv2d_backward_input, T)
        (s, {.output_gradient = a, .scale = 0.5, .weight = b, .input_gradient = o});
    });
    same("conv2d_backward_weight", s.weight_elements(), [&](T* o) {
        KERNEL(where, conv2d_backward_weight, T)
        (s, {.input = a,
             .output_gradient = b,
             .scale = 0.5,
             .weight_gradient = o,
             .bias_gradient = bias.data()});
    });
    same("conv2d_backward_bias", s.out_channels, [&](T* o) {
        KERNEL(where, conv2d_backward_bias, T)(s, a, 0.5, o);
    });
}

void check_sampling(On where) {
    using kernels::CornerEntry, kernels::SliceEntry;
    const kernels::PatchSampling sampling{6, 5, 6, {1, 2}};
    const testing::Table<SliceEntry> slices(where, {{0, 10, 0, 2}});
    const testing::Table<CornerEntry> corners(where, {{2, 3}, {5, 0}});
    const testing::Table<std::uint32_t> order(where, {4, 3, 5, 0, 2, 1});
    const testing::Table<kernels::StepPosition> position(where, {{3, 0}});
    Buffer<float> pixels(where, reference::cast<float>(reference::uniform(100, 1))), target(where, 6 * 25);
    check_same_bits<float>(where, "sample_patches", 6 * 25, [&](float* o) {
        PLAIN_KERNEL(where, sample_patches)
        (sampling, position.data(), order.data(), slices.data(), corners.data(), pixels.data(), pixels.data(),
         o, target.data());
    });
}

template <class T>
void check_all(On where) {
    check_elementwise<T>(where);
    check_batch_norm<T>(where);
    check_priors<T>(where);
    check_low_rank<T>(where);
    // In float64, Eigen partitions a convolution by the number of threads.
    check_conv2d<T>(where, {2, 20, 21, 16, 24, 3, 3},
                    sizeof(T) == 4 ? Threads::any_number : Threads::same_number);
}

}  // namespace

TEST_CASE("every kernel is bitwise reproducible, float32") {
    check_all<float>(testing::device_under_test());
    check_sampling(testing::device_under_test());
}

TEST_CASE("every kernel is bitwise reproducible, float64") {
    check_all<double>(testing::device_under_test());
}

TEST_CASE("weight gradients on the CPU do not depend on the number of threads") {
    // Several parts of each weight gradient, the last one partial.
    for (const kernels::Conv2dShape& s : {kernels::Conv2dShape{3, 40, 41, 32, 16, 3, 3},
                                          {3, 40, 41, 32, 16, 1, 1},
                                          {9, 40, 41, 1, 16, 9, 9},
                                          {9, 40, 41, 16, 1, 5, 5},
                                          {3, 40, 41, 5, 6, 3, 3},
                                          {3, 40, 41, 24, 7, 3, 5}})
        check_conv2d<float>(On::cpu, s, Threads::any_number);
}
