#include "kernels/low_rank.hpp"

#include <functional>
#include <string>

#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/low_rank.hpp"

using namespace dnsp;
using kernels::LowRankShape;
using reference::GuardedBuffer;

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::vector<double> flat(const RowMajor& m) { return {m.data(), m.data() + m.size()}; }

RowMajor random_matrix(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
    const auto values = reference::uniform(rows * cols, seed);
    return Eigen::Map<const RowMajor>(values.data(), rows, cols);
}

RowMajor orthogonal(std::int64_t n, std::uint64_t seed) {
    return Eigen::HouseholderQR<RowMajor>(random_matrix(n, n, seed)).householderQ();
}

/// Like a patch of an image: smooth structures in [0, 1] and a little noise, singular values over five
/// decades.
RowMajor image_patch(std::int64_t rows, std::int64_t cols, std::uint64_t seed, double noise = 0.02) {
    RowMajor patch = noise * random_matrix(rows, cols, seed);
    for (std::int64_t y = 0; y < rows; ++y)
        for (std::int64_t x = 0; x < cols; ++x) {
            const double u = static_cast<double>(y) / 13.0, v = static_cast<double>(x) / 17.0;
            patch(y, x) += 0.5 + 0.3 * std::sin(u * v + u) * std::cos(1.7 * v) + 0.1 * std::tanh(8 * (u - v));
        }
    return patch;
}

/// σ at the steepest of the surrogate (σ = δ), above and below it.
RowMajor spectrum(std::int64_t rows, std::int64_t cols, const std::vector<double>& sigma) {
    RowMajor middle = RowMajor::Zero(rows, cols);
    for (std::size_t i = 0; i < sigma.size(); ++i)
        middle(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(i)) = sigma[i];
    return orthogonal(rows, 5) * middle * orthogonal(cols, 6).transpose();
}

struct Case {
    const char* name;
    std::int64_t rows, cols;
    std::vector<double> matrix;
};

std::vector<Case> cases() {
    std::vector<Case> out;
    const auto add = [&](const char* name, const RowMajor& m) {
        out.push_back({name, m.rows(), m.cols(), flat(m)});
    };
    add("one pixel", RowMajor::Constant(1, 1, 0.012));
    add("one row", 0.004 * random_matrix(1, 9, 1));
    add("one column", 0.004 * random_matrix(9, 1, 1));
    add("random, small", 0.005 * random_matrix(7, 7, 2));
    add("random, intensities", random_matrix(17, 17, 3).cwiseAbs());
    add("image patch", image_patch(40, 40, 4));
    add("image patch, almost no noise", image_patch(40, 40, 4, 1e-3));
    add("wide image patch", image_patch(23, 40, 5));
    add("tall image patch", image_patch(40, 19, 6));
    add("singular values around delta", spectrum(6, 9, {5.0, 0.03, 0.02, 0.011, 0.01, 0.001}));
    add("rank two of eight", spectrum(8, 8, {0.013, 0.007}));
    add("rank one: an outer product", 0.02 * random_matrix(12, 1, 7) * random_matrix(1, 10, 8));
    add("one singular value, eight times", 0.012 * orthogonal(8, 9));
    add("two singular values, each repeated", spectrum(9, 7, {0.02, 0.02, 0.02, 0.006, 0.006, 0.006, 0.006}));
    add("constant, small", RowMajor::Constant(9, 5, 0.002));
    add("constant, bright", RowMajor::Constant(40, 40, 0.7));
    add("zero", RowMajor::Zero(9, 5));
    add("tiny norm", 1e-12 * random_matrix(8, 8, 10));
    add("subnormal squares", 1e-170 * random_matrix(8, 8, 10));
    return out;
}

template <class T>
using Kernel = void (*)(const LowRankShape&, const T*, double*, T*);

/// A gradient shorter than this, where the unit is 1/δ, is rounding of the reference's own inputs.
constexpr double negligible = 1e-9;

template <class T>
void check(Kernel<T> kernel, double gradient_bound, double value_bound) {
    for (const Case& c : cases()) {
        const LowRankShape shape{1, c.rows, c.cols, 0.01};
        const auto matrix = reference::cast<T>(c.matrix);
        const auto expected = reference::low_rank(c.rows, c.cols, shape.delta, reference::widen(matrix));
        GuardedBuffer<double> value(1);
        GuardedBuffer<T> gradient(c.rows * c.cols);
        kernel(shape, matrix.data(), value.data(), gradient.data());
        CHECK((value.fences_intact() && gradient.fences_intact()));
        const double error = reference::relative_error(gradient.values(), expected.gradient);
        const double size = reference::norm(expected.gradient);
        INFO(c.name << ": relative error " << error << ", norm of the gradient " << size);
        if (size > negligible / shape.delta)
            CHECK(error <= gradient_bound);
        else
            CHECK(error * std::max(size, 1e-30) <= negligible / shape.delta);
        CHECK(std::abs(value.values()[0] - expected.value) <= value_bound);
    }
}

}  // namespace

TEST_CASE("low_rank by singular values agrees with long double eigenvectors") {
    check<double>(kernels::cpu::low_rank_svd<double>, 1e-9, 1e-10);
}

TEST_CASE("low_rank by the matrix exponential agrees with long double eigenvectors") {
    check<double>(kernels::cpu::low_rank_matrix_exponential<double>, 1e-6, 1e-7);
}

TEST_CASE("low_rank takes float32 images without losing the small singular values") {
    check<float>(kernels::cpu::low_rank_svd<float>, 1e-3, 1e-6);
    check<float>(kernels::cpu::low_rank_matrix_exponential<float>, 1e-3, 1e-6);
}

TEST_CASE("low_rank treats every matrix of a batch by itself") {
    const RowMajor a = image_patch(11, 8, 1), b = 0.003 * random_matrix(11, 8, 2);
    std::vector<double> both = flat(a);
    both.insert(both.end(), b.data(), b.data() + b.size());
    for (auto kernel :
         {kernels::cpu::low_rank_svd<double>, kernels::cpu::low_rank_matrix_exponential<double>}) {
        GuardedBuffer<double> value(2), gradient(2 * 88), own_value(1), own_gradient(88);
        kernel({2, 11, 8, 0.01}, both.data(), value.data(), gradient.data());
        kernel({1, 11, 8, 0.01}, b.data(), own_value.data(), own_gradient.data());
        CHECK((value.fences_intact() && gradient.fences_intact()));
        CHECK(value.values()[1] == own_value.values()[0]);
        const auto all = gradient.values();
        CHECK(std::vector<double>(all.begin() + 88, all.end()) == own_gradient.values());
    }
}

TEST_CASE("low_rank counts the singular values that are large against delta") {
    const auto matrix = flat(spectrum(7, 9, {3.0, 2.0, 1.0}));
    double value = 0;
    std::vector<double> gradient(matrix.size());
    for (auto kernel :
         {kernels::cpu::low_rank_svd<double>, kernels::cpu::low_rank_matrix_exponential<double>}) {
        kernel({1, 7, 9, 0.01}, matrix.data(), &value, gradient.data());
        CHECK(std::abs(value - 3.0) < 1e-9);
    }
}
