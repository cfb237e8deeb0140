#include "priors/low_rank.hpp"

#include "tests/gradient_check.hpp"
#include "tests/reference/low_rank.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

Function low_rank_by(LowRankMethod method, double delta) {
    return [=](Tape& tape, const std::vector<Tensor>& x) {
        return value_of(tape, low_rank(x[0], delta, method));
    };
}

/// The step is small against δ, the scale on which the surrogate varies.
CheckOptions options_for(double delta) { return {.step = 0.01 * delta, .bound = 1e-6, .elements = 32}; }

/// rows × cols with the given number of equal singular values.
Input repeated_singular_values(std::int64_t rows, std::int64_t cols, double sigma, Eigen::Index number) {
    const auto orthogonal = [](std::int64_t n, std::uint64_t seed) -> Eigen::MatrixXd {
        const auto random = reference::uniform(n * n, seed);
        return Eigen::HouseholderQR<Eigen::MatrixXd>(Eigen::Map<const Eigen::MatrixXd>(random.data(), n, n))
            .householderQ();
    };
    const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> product =
        sigma * orthogonal(rows, 1).leftCols(number) * orthogonal(cols, 2).leftCols(number).transpose();
    return {{1, rows, cols, 1}, {product.data(), product.data() + product.size()}};
}

std::vector<Input> cases(double delta) {
    Input constant{{1, 4, 6, 1}, std::vector<double>(24, 0.2 * delta)};
    return {
        random_input({1, 1, 1, 1}, 1, 0.5 * delta, delta), random_input({1, 1, 5, 1}, 2, 0, delta),
        random_input({1, 7, 1, 1}, 3, 0, delta),           random_input({2, 5, 8, 1}, 4, 0, 1),
        random_input({3, 9, 4, 1}, 5, -delta, delta),      constant,
        repeated_singular_values(6, 6, 1.2 * delta, 6),    repeated_singular_values(7, 5, 0.8 * delta, 2),
    };
}

}  // namespace

TEST_CASE("gradients of the low-rank surrogate, by both methods") {
    for (LowRankMethod method : {LowRankMethod::matrix_exponential, LowRankMethod::svd})
        for (double delta : {0.01, 0.3})
            for (const Input& input : cases(delta)) {
                INFO("shape " << input.shape.text() << ", delta " << delta << ", method "
                              << static_cast<int>(method));
                check_gradients(low_rank_by(method, delta), {input}, options_for(delta));
            }
}

TEST_CASE("the low-rank surrogate has an accurate gradient for float32 images") {
    for (LowRankMethod method : {LowRankMethod::matrix_exponential, LowRankMethod::svd})
        for (const Input& input : cases(0.01)) {
            INFO("shape " << input.shape.text());
            check_float_against_double(low_rank_by(method, 0.01), {input});
        }
}

TEST_CASE("value and gradient are the mean over the batch of the surrogate of paper Eq. (2)") {
    const Input input = random_input({3, 9, 4, 1}, 5, -0.01, 0.01);
    double mean = 0;
    std::vector<double> gradient;
    for (std::ptrdiff_t b = 0; b < 3; ++b) {
        const auto one = reference::low_rank(
            9, 4, 0.01, {input.values.begin() + 36 * b, input.values.begin() + 36 * (b + 1)});
        mean += one.value / 3;
        for (double g : one.gradient) gradient.push_back(g / 3);
    }
    for (LowRankMethod method : {LowRankMethod::matrix_exponential, LowRankMethod::svd}) {
        Tape tape = Tape::inference();
        const TermValue term = low_rank(tensor_of(input), 0.01, method);
        CHECK(std::abs(value_of(tape, term).item() - mean) < 1e-8);  // 4 eigenvalues, each to 1e-9
        CHECK(reference::relative_error(gradient_of(term), gradient) < 1e-6);
    }
}

TEST_CASE("low_rank refuses a tensor that is not a batch of images") {
    Tape tape;
    const Tensor colour = Tensor::zeros({1, 4, 4, 3}, DType::float32),
                 gray = Tensor::zeros({1, 4, 4, 1}, DType::float32);
    CHECK_THROWS_AS(low_rank(colour, 0.01, LowRankMethod::svd), Error);
    CHECK_THROWS_AS(low_rank(gray, 0.0, LowRankMethod::svd), Error);
    try {
        low_rank(colour, 0.01, LowRankMethod::svd);
    } catch (const Error& error) {
        CHECK(std::string(error.what()).starts_with("[low_rank]"));
    }
}

TEST_CASE("low_rank by cuSOLVER needs a CUDA device") {
    const Tensor image = Tensor::from<double>({1, 2, 2, 1}, {0.1, 0.7, 0.3, 0.2});  // on the CPU
    std::string message;
    try {
        low_rank(image, 0.5, LowRankMethod::cusolver);
    } catch (const Error& error) {
        message = error.what();
    }
    CHECK(message == "[low_rank] the method cusolver needs a CUDA device");
}
