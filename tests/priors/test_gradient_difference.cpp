// gradient_difference is composed of layers; the tape computes its gradient.
#include "tests/priors/terms.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

/// Σ (D[y+1,x] − D[y,x])² + (D[y,x+1] − D[y,x])² over the pairs of pixels, mean over the batch.
double expected_value(const Shape& s, const std::vector<double>& output, const std::vector<double>& target) {
    const auto difference = [&](std::int64_t b, std::int64_t y, std::int64_t x) {
        const auto i = static_cast<std::size_t>((b * s[1] + y) * s[2] + x);
        return output[i] - target[i];
    };
    double sum = 0;
    for (std::int64_t b = 0; b < s[0]; ++b)
        for (std::int64_t y = 0; y < s[1]; ++y)
            for (std::int64_t x = 0; x < s[2]; ++x) {
                if (y + 1 < s[1]) sum += std::pow(difference(b, y + 1, x) - difference(b, y, x), 2);
                if (x + 1 < s[2]) sum += std::pow(difference(b, y, x + 1) - difference(b, y, x), 2);
            }
    return sum / static_cast<double>(s[0]);
}

const std::vector<Shape> shapes{{1, 1, 6, 1}, {1, 2, 1, 1}, {1, 1, 2, 1},
                                {1, 5, 1, 1}, {2, 4, 7, 1}, {3, 9, 5, 1}};

}  // namespace

TEST_CASE("gradients of the gradient difference") {
    for (const Shape& shape : shapes) {
        INFO("images " << shape.text());
        check_gradients(registered_term("gradient_difference"), output_and_target(shape));
        check_float_against_double(registered_term("gradient_difference"), output_and_target(shape));
    }
}

TEST_CASE("the gradient difference is the mean over the batch of ‖∇Y − ∇Yg‖²") {
    for (const Shape& shape : shapes) {
        const auto inputs = output_and_target(shape, 5);
        const auto result = differentiate(registered_term("gradient_difference"), inputs, DType::float64);
        CHECK(std::abs(result.output[0] / expected_value(shape, inputs[0].values, inputs[1].values) - 1) <
              1e-13);
    }
}

TEST_CASE("a constant added to the image does not change the gradient difference") {
    auto inputs = output_and_target({2, 6, 5, 1});
    inputs[0].values = inputs[1].values;
    for (double& value : inputs[0].values) value += 0.25;
    const auto result = differentiate(registered_term("gradient_difference"), inputs, DType::float64);
    CHECK(result.output[0] < 1e-28);
    CHECK(reference::norm(result.gradients[0]) < 1e-14);
}

TEST_CASE("gradient_difference refuses single pixels and images of two shapes") {
    Tape tape;
    const auto zeros = [](const Shape& shape) { return Tensor::zeros(shape, DType::float32, test_device()); };
    const Function term = registered_term("gradient_difference");
    std::string message;
    try {
        term(tape, {zeros({3, 1, 1, 1}), zeros({3, 1, 1, 1})});
    } catch (const Error& error) {
        message = error.what();
    }
    CHECK(message.find("at least two pixels") != std::string::npos);
    CHECK_THROWS_AS(term(tape, {zeros({1, 4, 4, 1}), zeros({1, 4, 5, 1})}), Error);
    CHECK_THROWS_AS(term(tape, {zeros({1, 4, 4, 2}), zeros({1, 4, 4, 2})}), Error);
}
