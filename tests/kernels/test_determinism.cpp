// The same call gives the same bits; and the same bits with one thread and with two.
#include <omp.h>

#include <functional>
#include <string>

#include "kernels/adam.hpp"
#include "kernels/concat.hpp"
#include "kernels/conv2d.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/filter_measure.hpp"
#include "kernels/filter_variance.hpp"
#include "kernels/low_rank.hpp"
#include "kernels/total_variation.hpp"
#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
namespace cpu = kernels::cpu;

namespace {

template <class T>
using Run = std::function<void(std::vector<T>& output)>;

template <class T>
std::vector<T> with_threads(int threads, const Run<T>& run, std::int64_t count) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    std::vector<T> output(static_cast<std::size_t>(count), T(0));
    run(output);
    omp_set_num_threads(before);
    return output;
}

enum class Threads { any_number, same_number };

template <class T>
void check(const char* name, std::int64_t count, Threads threads, const Run<T>& run) {
    INFO(name << (sizeof(T) == 4 ? ", float32" : ", float64"));
    const auto one = with_threads(1, run, count), two = with_threads(2, run, count);
    CHECK(reference::norm(one) > 0);
    CHECK(reference::same_bits(one, with_threads(1, run, count)));
    CHECK(reference::same_bits(two, with_threads(2, run, count)));
    if (threads == Threads::any_number) CHECK(reference::same_bits(one, two));
}

template <class T>
void check_all() {
    const std::int64_t n = 50001;
    const auto a = reference::cast<T>(reference::uniform(n, 1)),
               b = reference::cast<T>(reference::uniform(n, 2));
    const auto any = Threads::any_number;
    check<T>("add", n, any, [&](auto& o) { cpu::add<T>(n, a.data(), b.data(), o.data()); });
    check<T>("scale", n, any, [&](auto& o) { cpu::scale<T>(n, 0.3, a.data(), o.data()); });
    check<T>("add_scaled", n, any,
             [&](auto& o) { cpu::add_scaled<T>(n, a.data(), 0.3, b.data(), o.data()); });
    check<T>("relu_forward", n, any, [&](auto& o) { cpu::relu_forward<T>(n, a.data(), o.data()); });
    check<T>("relu_backward", n, any,
             [&](auto& o) { cpu::relu_backward<T>(n, a.data(), b.data(), o.data()); });
    check<T>("fill", n, any, [&](auto& o) { cpu::fill<T>(n, T(0.7), o.data()); });
    check<double>("squared_norm", 1, any, [&](auto& o) { o[0] = cpu::squared_norm<T>(n, a.data()); });
    std::vector<T> scratch(static_cast<std::size_t>(n));
    check<double>("squared_error", 1, any,
                  [&](auto& o) { o[0] = cpu::squared_error<T>(n, 0.1, a.data(), b.data(), scratch.data()); });
    check<T>("concat_write", n, any,
             [&](auto& o) { cpu::concat_write<T>(n / 5, 3, 5, 1, a.data(), o.data()); });
    check<T>("concat_read", n, any,
             [&](auto& o) { cpu::concat_read<T>(n / 5, 3, 5, 1, a.data(), o.data()); });
    check<T>("adam", n, any, [&](auto& o) {
        auto m = a, v = a;
        for (T& value : v) value = value * value;
        cpu::adam<T>(n, {}, b.data(), o.data(), m.data(), v.data());
    });

    std::vector<double> values(4);
    check<T>("low_rank_svd", 4 * 18 * 20, any, [&](auto& o) {
        cpu::low_rank_svd<T>({4, 18, 20, 0.1}, a.data(), values.data(), o.data());
    });
    check<T>("low_rank_matrix_exponential", 4 * 18 * 20, any, [&](auto& o) {
        cpu::low_rank_matrix_exponential<T>({4, 18, 20, 0.1}, a.data(), values.data(), o.data());
    });
    const kernels::FilterVarianceShape shape{4, 30, 25, 8, 3, kernels::Border::valid};
    check<T>("filter_variance, image", 4 * 30 * 25, any, [&](auto& o) {
        cpu::filter_variance<T>(shape, a.data(), b.data(), values.data(), o.data(), nullptr);
    });
    check<T>("filter_variance, filters", 72, any, [&](auto& o) {
        cpu::filter_variance<T>(shape, a.data(), b.data(), values.data(), scratch.data(), o.data());
    });
    check<double>("accumulate_tap_gram", 81, any,
                  [&](auto& o) { cpu::accumulate_tap_gram<T>(shape, a.data(), 1.0, o.data()); });
    std::vector<double> gram = reference::uniform(81, 3);
    check<T>("filter_measure", 72, any, [&](auto& o) {
        o[0] = static_cast<T>(cpu::filter_measure<T>(8, 9, gram.data(), b.data(), o.data()));
    });
    check<T>("total_variation", 4 * 30 * 25, any, [&](auto& o) {
        cpu::total_variation<T>({4, 30, 25, 1e-3}, a.data(), values.data(), o.data());
    });

    // oneDNN may share the sums of a convolution out by the number of threads.
    const auto same = Threads::same_number;
    const kernels::Conv2dShape conv{2, 20, 21, 16, 24, 3, 3};
    check<T>("conv2d_forward", conv.output_elements(), same, [&](auto& o) {
        cpu::conv2d_forward<T>(conv, a.data(), b.data(), b.data(), kernels::Activation::relu, o.data());
    });
    check<T>("conv2d_backward_input", conv.input_elements(), same,
             [&](auto& o) { cpu::conv2d_backward_input<T>(conv, a.data(), b.data(), o.data()); });
    std::vector<T> bias(24);
    check<T>("conv2d_backward_weight", conv.weight_elements(), same, [&](auto& o) {
        cpu::conv2d_backward_weight<T>(conv, a.data(), b.data(), o.data(), bias.data());
    });
}

}  // namespace

TEST_CASE("every kernel gives the same bits again, float32") { check_all<float>(); }

TEST_CASE("every kernel gives the same bits again, float64") { check_all<double>(); }
