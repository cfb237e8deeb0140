#include "priors/filter_bank.hpp"
#include "priors/matched.hpp"
#include "tests/priors/terms.hpp"
#include "tests/reference/filter_response.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

Function matched_sharpness(Border border) {
    return registered_term("matched_sharpness",
                           [=](OptionSet& options) { options.get<FilterOptions>().border = border; });
}

}  // namespace

TEST_CASE("gradients of the matched sharpness") {
    for (Border border : {Border::valid, Border::zero})
        for (const Shape& shape : std::vector<Shape>{{1, 3, 4, 1}, {2, 9, 5, 1}, {3, 8, 7, 1}}) {
            INFO("images " << shape.text() << (border == Border::zero ? ", zero border" : ", valid"));
            check_gradients(matched_sharpness(border), output_and_target(shape));
            check_float_against_double(matched_sharpness(border), output_and_target(shape));
        }
}

TEST_CASE("the matched sharpness is the mean over the batch of (√V(Y) − √V(Yg))²") {
    const auto inputs = output_and_target({3, 8, 7, 1}, 4);
    for (Border border : {Border::valid, Border::zero}) {
        const auto of = [&](const Input& input) {
            return reference::filter_variance({3, 8, 7, 1, 3, border}, input.values, laplacian(0.25)).value;
        };
        const auto output = of(inputs[0]), target = of(inputs[1]);
        double expected = 0;
        for (std::size_t b = 0; b < 3; ++b)
            expected += std::pow(std::sqrt(output[b]) - std::sqrt(target[b]), 2) / 3;
        const auto result = differentiate(matched_sharpness(border), inputs, DType::float64);
        CHECK(std::abs(result.output[0] / expected - 1) < 1e-10);
    }
}

TEST_CASE("the gradient is zero for an output equal to the target or without any response") {
    auto inputs = output_and_target({2, 6, 7, 1});
    inputs[0].values = inputs[1].values;
    const auto same = differentiate(matched_sharpness(Border::valid), inputs, DType::float64);
    CHECK(same.output[0] == 0);
    CHECK(reference::norm(same.gradients[0]) == 0);
    inputs[0].values.assign(84, 0.0);
    const auto flat = differentiate(matched_sharpness(Border::valid), inputs, DType::float64);
    CHECK(flat.output[0] > 0);
    CHECK(reference::norm(flat.gradients[0]) == 0);
}

TEST_CASE("matched terms refuse values that are not one for each image") {
    const Tensor images = Tensor::zeros({2, 3, 3, 1}, DType::float64, test_device());
    const auto value = [&](std::int64_t count) {
        return TermValue{Tensor::zeros({count}, DType::float64, test_device()), 1.0, {{images, images}}};
    };
    CHECK_NOTHROW(matched(value(2), value(2), Matching::value));
    CHECK_THROWS_AS(matched(value(1), value(2), Matching::value), Error);
    CHECK_THROWS_AS(matched(value(2), value(3), Matching::value), Error);
}
