#include "priors/low_rank.hpp"
#include "tests/priors/terms.hpp"
#include "tests/reference/low_rank.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

Function matched_low_rank(double delta, LowRankMethod method) {
    return registered_term("matched_low_rank", [=](OptionSet& options) {
        options.get<LowRankOptions>() = {delta, method};
    });
}

}  // namespace

TEST_CASE("gradients of the matched low rank") {
    for (LowRankMethod method : {LowRankMethod::matrix_exponential, LowRankMethod::svd})
        for (const Shape& shape : std::vector<Shape>{{1, 1, 5, 1}, {2, 5, 8, 1}, {3, 9, 4, 1}}) {
            INFO("images " << shape.text() << ", method " << static_cast<int>(method));
            // The step is small against δ, the scale on which the surrogate varies.
            check_gradients(matched_low_rank(0.3, method), output_and_target(shape),
                            {.step = 0.003, .elements = 32});
            check_float_against_double(matched_low_rank(0.3, method), output_and_target(shape));
        }
}

TEST_CASE("the matched low rank is the mean over the batch of (R_δ(Y) − R_δ(Yg))²") {
    const auto inputs = output_and_target({3, 9, 4, 1}, 7);
    double expected = 0;
    const auto rank = [](const Input& input, std::ptrdiff_t b) {
        const auto first = input.values.begin() + 36 * b;
        return reference::low_rank(9, 4, 0.5, {first, first + 36}).value;
    };
    for (std::ptrdiff_t b = 0; b < 3; ++b)
        expected += std::pow(rank(inputs[0], b) - rank(inputs[1], b), 2) / 3;
    for (LowRankMethod method : {LowRankMethod::matrix_exponential, LowRankMethod::svd})
        CHECK(std::abs(differentiate(matched_low_rank(0.5, method), inputs, DType::float64).output[0] /
                           expected -
                       1) < 1e-6);
}
