#include "kernels/adam.hpp"

#include "tests/catch.hpp"
#include "tests/reference/adam.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using reference::GuardedBuffer;

namespace {

/// Ten steps with new gradients, of which every fifth is zero, against Algorithm 1.
template <class T>
void check(std::int64_t count, double epsilon, double bound) {
    kernels::AdamStep options{1e-2, 0.9, 0.999, epsilon, 0};
    const auto start = reference::cast<T>(reference::uniform(count, 1));
    reference::Adam expected{options.learning_rate, options.beta1, options.beta2, epsilon,
                             reference::widen(start)};
    GuardedBuffer<T> value(count), m(count), v(count);
    std::copy(start.begin(), start.end(), value.data());
    std::fill_n(m.data(), count, T(0));
    std::fill_n(v.data(), count, T(0));
    for (options.step = 1; options.step <= 10; ++options.step) {
        auto gradient =
            reference::cast<T>(reference::uniform(count, 10 + static_cast<std::uint64_t>(options.step)));
        for (std::size_t i = 0; i < gradient.size(); i += 5) gradient[i] = T(0);
        kernels::cpu::adam<T>(count, options, gradient.data(), value.data(), m.data(), v.data());
        expected.step(reference::widen(gradient));
        INFO(count << " elements, step " << options.step);
        CHECK(reference::relative_error(value.values(), expected.theta) <= bound);
        CHECK(reference::relative_error(m.values(), expected.m) <= bound);
        CHECK(reference::relative_error(v.values(), expected.v) <= bound);
    }
    CHECK((value.fences_intact() && m.fences_intact() && v.fences_intact()));
}

}  // namespace

TEST_CASE("adam follows Kingma and Ba's Algorithm 1") {
    for (std::int64_t count : {2, 31, 20001}) {
        check<double>(count, 1e-8, 1e-13);
        check<float>(count, 1e-8, 1e-5);
        check<double>(count, 1e-1, 1e-13);  // an ε that matters
    }
}

TEST_CASE("the first step of adam moves by the learning rate against the gradient's sign") {
    const std::vector<double> gradient{1e-3, -5.0, 0.0};
    std::vector<double> value(3, 1.0), m(3, 0.0), v(3, 0.0);
    kernels::cpu::adam<double>(3, {1e-4, 0.9, 0.999, 1e-12, 1}, gradient.data(), value.data(), m.data(),
                               v.data());
    CHECK(std::abs(value[0] - (1 - 1e-4)) < 1e-10);
    CHECK(std::abs(value[1] - (1 + 1e-4)) < 1e-10);
    CHECK(value[2] == 1.0);
}
