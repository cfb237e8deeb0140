#include "kernels/conv2d.hpp"

#include <string>

#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/conv2d.hpp"

using namespace dnsp;
using kernels::Activation;
using kernels::Conv2dShape;
using reference::GuardedBuffer;

namespace {

struct Case {
    const char* name;
    Conv2dShape shape;  // batch, height, width, in, out, kernel height, kernel width
};

const std::vector<Case> cases{
    {"one pixel, one channel, 1×1", {1, 1, 1, 1, 1, 1, 1}},
    {"one pixel, 3×3", {1, 1, 1, 2, 3, 3, 3}},
    {"image smaller than the kernel", {2, 3, 2, 1, 4, 9, 9}},
    {"one row", {1, 1, 17, 3, 2, 3, 3}},
    {"one column", {3, 13, 1, 1, 5, 5, 5}},
    {"kernel 3×5, odd sizes", {3, 7, 11, 5, 7, 3, 5}},
    {"kernel 5×1", {1, 9, 6, 2, 1, 5, 1}},
    {"kernel 1×1 between 3 images", {3, 5, 4, 17, 9, 1, 1}},
    {"width 16", {1, 12, 10, 16, 16, 3, 3}},
    {"width 33, not a multiple of a vector", {1, 8, 9, 33, 31, 3, 3}},
    {"SRCNN extraction", {2, 21, 19, 1, 64, 9, 9}},
    {"SRCNN extraction of an image narrower than the kernel", {2, 9, 7, 1, 64, 9, 9}},
    {"SRCNN reconstruction of an image narrower than the kernel", {2, 9, 4, 32, 1, 5, 5}},
    {"SRCNN mapping", {2, 21, 19, 64, 32, 1, 1}},
    {"SRCNN reconstruction", {2, 21, 19, 32, 1, 5, 5}},
    {"EDSR head", {1, 20, 23, 1, 64, 3, 3}},
    {"EDSR block", {1, 13, 15, 64, 64, 3, 3}},
    {"EDSR tail", {1, 20, 23, 64, 1, 3, 3}},
    {"a whole patch of the paper", {3, 40, 40, 8, 4, 3, 3}},
};

template <class T>
constexpr double bound = 1e-12;
template <>
constexpr double bound<float> = 1e-5;

/// Runs a kernel into a guarded buffer and compares everything it wrote with the reference.
template <class T, class Run>
void compare(std::int64_t count, const std::vector<double>& expected, Run&& run) {
    GuardedBuffer<T> output(count);
    run(output.data());
    CHECK(output.fences_intact());
    CHECK(reference::relative_error(output.values(), expected) <= bound<T>);
}

template <class T>
void check(const Conv2dShape& s) {
    const auto input = reference::cast<T>(reference::uniform(s.input_elements(), 1));
    const auto weight = reference::cast<T>(reference::uniform(s.weight_elements(), 2));
    const auto bias = reference::cast<T>(reference::uniform(s.out_channels, 3));
    const auto gradient = reference::cast<T>(reference::uniform(s.output_elements(), 4));
    const auto x = reference::widen(input), w = reference::widen(weight), g = reference::widen(gradient);
    const auto forward = reference::conv2d_forward(s, x, w, reference::widen(bias));

    compare<T>(s.output_elements(), forward, [&](T* output) {
        kernels::cpu::conv2d_forward<T>(s, input.data(), weight.data(), bias.data(), Activation::none,
                                        output);
    });
    GuardedBuffer<T> rectified(s.output_elements());
    kernels::cpu::conv2d_forward<T>(s, input.data(), weight.data(), bias.data(), Activation::relu,
                                    rectified.data());
    CHECK(rectified.fences_intact());
    // Against the norm before the ReLU, which may leave nothing of a single pixel.
    const auto values = rectified.values();
    std::vector<double> difference = reference::relu(forward);
    for (std::size_t i = 0; i < values.size(); ++i) difference[i] -= static_cast<double>(values[i]);
    CHECK(reference::norm(difference) <= bound<T> * reference::norm(forward));

    compare<T>(s.input_elements(), reference::conv2d_backward_input(s, g, w), [&](T* output) {
        kernels::cpu::conv2d_backward_input<T>(s, gradient.data(), weight.data(), output);
    });
    GuardedBuffer<T> bias_gradient(s.out_channels);
    compare<T>(s.weight_elements(), reference::conv2d_backward_weight(s, x, g), [&](T* output) {
        kernels::cpu::conv2d_backward_weight<T>(s, input.data(), gradient.data(), output,
                                                bias_gradient.data());
    });
    CHECK(bias_gradient.fences_intact());
    CHECK(reference::relative_error(bias_gradient.values(), reference::conv2d_backward_bias(s, g)) <=
          bound<T>);
}

}  // namespace

TEST_CASE("conv2d in float32 agrees with plain loops in double") {
    for (const auto& [name, shape] : cases) {
        INFO(name);
        check<float>(shape);
    }
}

TEST_CASE("conv2d in float64 agrees with plain loops in double") {
    for (const auto& [name, shape] : cases) {
        INFO(name);
        check<double>(shape);
    }
}

TEST_CASE("conv2d is a cross-correlation: a tap right of the centre reads the pixel to the right") {
    const Conv2dShape s{1, 1, 3, 1, 1, 3, 3};
    const std::vector<float> image{1, 2, 4}, bias{0};
    std::vector<float> weight(9, 0.0f), output(3);
    weight[5] = 1;
    kernels::cpu::conv2d_forward<float>(s, image.data(), weight.data(), bias.data(), Activation::none,
                                        output.data());
    CHECK(output == std::vector<float>{2, 4, 0});
}
