#include "kernels/elu.hpp"

#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using testing::Buffer;
using testing::On;

namespace {

/// Both signs, tiny and large numbers.
template <class T>
std::vector<T> inputs(std::int64_t count) {
    std::vector<double> x = reference::uniform(count, 1, -3, 1);
    for (std::size_t i = 0; i < x.size(); ++i)
        x[i] *= i % 4 == 1 ? 1e-4 : i % 4 == 2 ? 10.0 : i % 16 == 3 ? 1e-12 : 1.0;
    return reference::cast<T>(x);
}

/// The largest |value − expected| / |expected| of all elements.
template <class T>
double worst_error(const std::vector<T>& values, const std::vector<double>& expected) {
    double worst = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double error = std::abs(static_cast<double>(values[i]) - expected[i]);
        worst = std::max(worst, expected[i] == 0 ? error : error / std::abs(expected[i]));
    }
    return worst;
}

template <class T>
void check(On where, std::int64_t count) {
    INFO(count << " elements" << (sizeof(T) == 4 ? ", float32" : ", float64"));
    const auto x = inputs<T>(count), gradient = reference::cast<T>(reference::uniform(count, 2));
    std::vector<double> y, derivative_times_gradient;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double wide = static_cast<double>(x[i]);
        y.push_back(wide > 0 ? wide : std::expm1(wide));
        derivative_times_gradient.push_back(gradient[i] * (wide > 0 ? 1.0 : std::exp(wide)));
    }
    Buffer<T> input(where, x), output(where, count), output_gradient(where, gradient),
        input_gradient(where, count);
    DNSP_KERNEL(where, elu_forward, T)(count, input.data(), output.data());
    DNSP_KERNEL(where, elu_backward, T)
    (count, output_gradient.data(), output.data(), input_gradient.data());
    CHECK((output.fences_intact() && input_gradient.fences_intact()));
    const double epsilon = std::numeric_limits<T>::epsilon();
    CHECK(worst_error(output.values(), y) <= 2 * epsilon);
    CHECK(reference::relative_error(input_gradient.values(), derivative_times_gradient) <= 2 * epsilon);

    // In place, bitwise identical.
    DNSP_KERNEL(where, elu_backward, T)
    (count, output_gradient.data(), output.data(), output_gradient.data());
    DNSP_KERNEL(where, elu_forward, T)(count, input.data(), input.data());
    CHECK(reference::same_bits(output_gradient.values(), input_gradient.values()));
    CHECK(reference::same_bits(input.values(), output.values()));
}

void check_all(On where) {
    for (std::int64_t count : {0, 1, 3, 7, 1023, 5001}) {
        check<float>(where, count);
        check<double>(where, count);
    }
}

template <class T>
void check_corners(On where) {
    const T nan = std::numeric_limits<T>::quiet_NaN(), infinity = std::numeric_limits<T>::infinity();
    Buffer<T> input(where, std::vector<T>{0, -infinity, infinity, nan, T(-1000), T(-1e-30)}),
        output(where, 6);
    DNSP_KERNEL(where, elu_forward, T)(6, input.data(), output.data());
    const auto y = output.values();
    CHECK(std::vector<T>(y.begin(), y.begin() + 3) == std::vector<T>{0, -1, infinity});
    CHECK(std::isnan(y[3]));
    CHECK(std::vector<T>(y.begin() + 4, y.end()) == std::vector<T>{-1, T(-1e-30)});
    // The derivative is 1 at 0, and 0 at −∞.
    Buffer<T> ones(where, std::vector<T>(6, T(1))), gradient(where, 6);
    DNSP_KERNEL(where, elu_backward, T)(6, ones.data(), output.data(), gradient.data());
    const auto g = gradient.values();
    CHECK(std::vector<T>(g.begin(), g.begin() + 3) == std::vector<T>{1, 0, 1});
    CHECK(std::isnan(g[3]));
}

/// An element is bitwise independent of its position: vectors, remainders and threads agree.
template <class T>
void check_places() {
    const auto x = inputs<T>(50001);
    std::vector<T> all(x.size()), one(1);
    kernels::cpu::elu_forward<T>(50001, x.data(), all.data());
    std::size_t different = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        kernels::cpu::elu_forward<T>(1, &x[i], one.data());
        different += !reference::same_bits(one, {all[i]});
    }
    CHECK(different == 0);
}

}  // namespace

TEST_CASE("elu agrees with its formula") { testing::on_device(check_all); }

TEST_CASE("elu of zero, infinities and NaN") {
    check_corners<float>(testing::device_under_test());
    check_corners<double>(testing::device_under_test());
}

TEST_CASE("elu of an element does not depend on its position") {
    check_places<float>();
    check_places<double>();
}
