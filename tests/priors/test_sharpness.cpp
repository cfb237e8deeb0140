#include "priors/sharpness.hpp"

#include "priors/filter_bank.hpp"
#include "priors/learned_sharpness.hpp"
#include "tests/gradient_check.hpp"
#include "tests/reference/filter_response.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

Function learned(Border border) {
    return [=](Tape& tape, const std::vector<Tensor>& x) {
        return value_of(tape, learned_sharpness(x[0], x[1], border));
    };
}
Function fixed(double scale, Border border) {
    return [=](Tape& tape, const std::vector<Tensor>& x) {
        return value_of(tape, sharpness(x[0], scale, border));
    };
}

/// Shapes of images and filters. Every response has at least two pixels.
struct Case {
    Shape images, filters;
    bool fits_valid;
};
const std::vector<Case> cases{{{1, 3, 4, 1}, {1, 3, 3}, true},   {{1, 1, 2, 1}, {2, 3, 3}, false},
                              {{2, 5, 7, 1}, {8, 3, 3}, true},   {{3, 9, 6, 1}, {8, 5, 5}, true},
                              {{1, 12, 11, 1}, {8, 3, 3}, true}, {{2, 3, 2, 1}, {3, 1, 1}, true}};

void check_message(const std::function<void()>& call) {
    try {
        call();
        FAIL_CHECK("wrong shapes were accepted");
    } catch (const Error& error) {
        INFO(error.what());
        CHECK(std::string(error.what()).starts_with("[sharpness]"));
    }
}

}  // namespace

TEST_CASE("gradients of the learned sharpness with respect to the image and the filters") {
    for (const Case& c : cases)
        for (Border border : {Border::valid, Border::zero}) {
            if (border == Border::valid && !c.fits_valid) continue;
            INFO("images " << c.images.text() << ", filters " << c.filters.text()
                           << (border == Border::zero ? ", zero border" : ", valid"));
            const std::vector<Input> inputs{random_input(c.images, 1, 0, 1), random_input(c.filters, 2)};
            check_gradients(learned(border), inputs);
            check_float_against_double(learned(border), inputs);
        }
}

TEST_CASE("gradients of the sharpness by the fixed Laplacian") {
    for (Border border : {Border::valid, Border::zero})
        for (const Shape& shape : std::vector<Shape>{{1, 3, 4, 1}, {2, 9, 5, 1}, {1, 13, 12, 1}}) {
            check_gradients(fixed(0.25, border), {random_input(shape, 1, 0, 1)});
            check_float_against_double(fixed(0.25, border), {random_input(shape, 1, 0, 1)});
        }
}

TEST_CASE("sharpness and gradient of a constant image are zero") {
    const Input constant{{1, 6, 5, 1}, std::vector<double>(30, 0.7)};
    const auto result = differentiate(fixed(0.25, Border::valid), {constant}, DType::float64);
    CHECK(result.output[0] < 1e-30);
    CHECK(reference::norm(result.gradients[0]) < 1e-14);
    check_gradients(fixed(0.25, Border::zero), {constant});
}

TEST_CASE("the sharpness is the mean over the batch of the variance of paper Eq. (21)") {
    const Input input = random_input({3, 8, 7, 1}, 4, 0, 1);
    for (Border border : {Border::valid, Border::zero}) {
        const auto expected =
            reference::filter_variance({3, 8, 7, 1, 3, border}, input.values, laplacian(0.25));
        Tape tape = Tape::inference();
        const TermValue term = sharpness(tensor_of(input), 0.25, border);
        const double value = value_of(tape, term).item();
        CHECK(std::abs(value - (expected.value[0] + expected.value[1] + expected.value[2]) / 3) < 1e-14);
        auto gradient = expected.image_gradient;
        for (double& g : gradient) g /= 3;
        CHECK(reference::relative_error(gradient_of(term), gradient) < 1e-12);
        // L instead of L/4 of Eq. (20).
        CHECK(std::abs(value_of(tape, sharpness(tensor_of(input), 1.0, border)).item() / value - 16) < 1e-12);
    }
}

TEST_CASE("the paper's Eq. (15) is not the gradient with respect to the filters") {
    // Eq. (15): ∂V_mod/∂Wˡ = Σ DV_mod ⊙ Y′ uses one matrix ∂V_mod/∂Y for all filters instead of dˡ of each
    // filter.
    const std::int64_t height = 14, width = 12, number = 8;
    const std::vector<Input> inputs{random_input({1, height, width, 1}, 1, 0, 1),
                                    random_input({number, 3, 3}, 2)};
    const Function function = learned(Border::zero);
    const Differentiated result = differentiate(function, inputs, DType::float64);
    const reference::ImageView image{inputs[0].values.data(), height, width};
    std::vector<double> printed;
    for (std::int64_t l = 0; l < number; ++l)
        for (std::int64_t tap = 0; tap < 9; ++tap) {
            double sum = 0;
            for (std::int64_t y = 0; y < height; ++y)
                for (std::int64_t x = 0; x < width; ++x)
                    sum += result.gradients[0][static_cast<std::size_t>(y * width + x)] *
                           image.at(y + tap / 3 - 1, x + tap % 3 - 1);
            printed.push_back(sum);
        }
    const auto truth = compare_with_differences(function, inputs, 1, result.gradients[1], {.elements = 72});
    const auto paper = compare_with_differences(function, inputs, 1, printed, {.elements = 72});
    CHECK(truth.error() < 1e-6);
    CHECK(paper.error() > 0.1);
    CHECK(std::abs(reference::cosine(paper.gradient, paper.finite_difference)) < 0.5);
}

TEST_CASE("sharpness refuses images that are too small and filters that are not square and odd") {
    Tape tape;
    const auto zeros = [](const Shape& shape) { return Tensor::zeros(shape, DType::float32); };
    check_message([&] { sharpness(zeros({1, 3, 3, 1}), 0.25, Border::valid); });
    check_message([&] { sharpness(zeros({1, 2, 9, 1}), 0.25, Border::valid); });
    check_message([&] { sharpness(zeros({1, 1, 1, 1}), 0.25, Border::zero); });
    check_message([&] { sharpness(zeros({1, 9, 2, 1}), 0.25, Border::valid); });
    check_message([&] { sharpness(zeros({1, 9, 9, 2}), 0.25, Border::valid); });
    check_message([&] { learned_sharpness(zeros({1, 9, 9, 1}), zeros({9, 9}), Border::valid); });
    check_message([&] { learned_sharpness(zeros({1, 9, 9, 1}), zeros({1, 8, 3, 3}), Border::valid); });
    check_message([&] { learned_sharpness(zeros({1, 9, 9, 1}), zeros({8, 3, 5}), Border::valid); });
    check_message([&] { learned_sharpness(zeros({1, 9, 9, 1}), zeros({8, 2, 2}), Border::valid); });
    check_message([&] {
        learned_sharpness(zeros({1, 9, 9, 1}), Tensor::zeros({8, 3, 3}, DType::float64), Border::valid);
    });
}
