#pragma once

// Difficult matrices for R_δ: near singular, rank deficient, with repeated singular values, of awkward sizes.
#include <Eigen/Dense>
#include <cmath>
#include <vector>

#include "tests/reference/arrays.hpp"

namespace dnsp::testing::low_rank {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

inline std::vector<double> flat(const RowMajor& m) { return {m.data(), m.data() + m.size()}; }

inline RowMajor random_matrix(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
    const auto values = reference::uniform(rows * cols, seed);
    return Eigen::Map<const RowMajor>(values.data(), rows, cols);
}

inline RowMajor orthogonal(std::int64_t n, std::uint64_t seed) {
    return Eigen::HouseholderQR<RowMajor>(random_matrix(n, n, seed)).householderQ();
}

/// Like an image patch: smooth structures in [0, 1] and a little noise, singular values over five decades.
inline RowMajor image_patch(std::int64_t rows, std::int64_t cols, std::uint64_t seed, double noise = 0.02) {
    RowMajor patch = noise * random_matrix(rows, cols, seed);
    for (std::int64_t y = 0; y < rows; ++y)
        for (std::int64_t x = 0; x < cols; ++x) {
            const double u = static_cast<double>(y) / 13.0, v = static_cast<double>(x) / 17.0;
            patch(y, x) += 0.5 + 0.3 * std::sin(u * v + u) * std::cos(1.7 * v) + 0.1 * std::tanh(8 * (u - v));
        }
    return patch;
}

/// Singular values where the surrogate is steepest (σ = δ), above and below.
inline RowMajor spectrum(std::int64_t rows, std::int64_t cols, const std::vector<double>& sigma) {
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

inline std::vector<Case> cases() {
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
    add("zero column and row", [] {
        RowMajor m = 0.01 * random_matrix(11, 10, 11);
        m.row(3).setZero();
        m.col(0).setZero();
        return m;
    }());
    add("tiny norm", 1e-12 * random_matrix(8, 8, 10));
    add("subnormal squares", 1e-170 * random_matrix(8, 8, 10));
    add("large intensities", 4000 * random_matrix(6, 5, 12));
    add("huge, squares beyond float32", 1e25 * orthogonal(6, 12));
    add("odd sides", image_patch(37, 33, 13, 1e-3));
    add("largest in shared memory", image_patch(64, 64, 14, 1e-3));
    add("wide, of the largest side", image_patch(33, 64, 15));
    add("long and thin", image_patch(5, 61, 16));
    add("longer than shared memory", image_patch(90, 7, 17));
    add("longer than shared memory, wide", image_patch(6, 67, 18));
    add("larger than shared memory", image_patch(66, 71, 19));
    return out;
}

}  // namespace dnsp::testing::low_rank
