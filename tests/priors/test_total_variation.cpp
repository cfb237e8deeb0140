#include "priors/total_variation.hpp"

#include "tests/gradient_check.hpp"
#include "tests/reference/total_variation.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

Function with_epsilon(double epsilon) {
    return [=](Tape& tape, const std::vector<Tensor>& x) {
        return value_of(tape, total_variation(x[0], epsilon));
    };
}

}  // namespace

TEST_CASE("gradients of the total variation") {
    for (double epsilon : {1e-3, 1e-1})
        for (const Shape& shape :
             std::vector<Shape>{{1, 1, 6, 1}, {1, 5, 1, 1}, {2, 4, 7, 1}, {3, 9, 5, 1}}) {
            INFO("images " << shape.text() << ", epsilon " << epsilon);
            // In flat regions the function varies on the scale of ε.
            check_gradients(with_epsilon(epsilon), {random_input(shape, 1, 0, 1)}, {.step = 0.02 * epsilon});
            check_float_against_double(with_epsilon(epsilon), {random_input(shape, 1, 0, 1)});
        }
}

TEST_CASE("the gradient of the total variation of a constant image and of one pixel is zero") {
    for (const Shape& shape : std::vector<Shape>{{1, 1, 1, 1}, {2, 5, 4, 1}}) {
        const Input constant{shape, std::vector<double>(static_cast<std::size_t>(shape.elements()), 0.4)};
        const auto result = differentiate(with_epsilon(1e-3), {constant}, DType::float64);
        CHECK(result.output[0] == 0);
        CHECK(reference::norm(result.gradients[0]) == 0);
    }
}

TEST_CASE("the total variation is the mean over the batch") {
    const Input input = random_input({2, 6, 5, 1}, 2, 0, 1);
    double mean = 0;
    for (std::ptrdiff_t b = 0; b < 2; ++b)
        mean += reference::total_variation(
                    6, 5, 1e-3, {input.values.begin() + 30 * b, input.values.begin() + 30 * (b + 1)})
                    .value /
                2;
    CHECK(std::abs(differentiate(with_epsilon(1e-3), {input}, DType::float64).output[0] - mean) < 1e-12);
}

TEST_CASE("total_variation refuses a tensor that is not a batch of images") {
    Tape tape;
    CHECK_THROWS_AS(total_variation(Tensor::zeros({4, 4}, DType::float32), 1e-3), Error);
    CHECK_THROWS_AS(total_variation(Tensor::zeros({1, 4, 4, 1}, DType::float32), 0.0), Error);
}
