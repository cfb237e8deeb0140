#pragma once

// R_δ and its gradient from the eigenvectors of the Gram matrix, in long double. The
// kernels use other methods (kernels/low_rank/low_rank.hpp).
#include <Eigen/Dense>
#include <cmath>
#include <vector>

namespace dnsp::reference {

struct LowRank {
    double value;
    std::vector<double> gradient;
};

/// One matrix of rows × cols, row-major.
inline LowRank low_rank(std::int64_t rows, std::int64_t cols, double delta,
                        const std::vector<double>& matrix) {
    using Real = long double;
    using Matrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> stored(
        matrix.data(), rows, cols);
    const Matrix y = stored.cast<Real>();
    const bool wide = cols > rows;
    const Matrix gram = wide ? Matrix(y * y.transpose()) : Matrix(y.transpose() * y);
    const Eigen::SelfAdjointEigenSolver<Matrix> eigen(gram);
    const Real variance = static_cast<Real>(delta) * delta;
    Eigen::Array<Real, Eigen::Dynamic, 1> weight = eigen.eigenvalues().array();
    for (Real& w : weight) w = std::exp(-w / (2 * variance));
    const Matrix exponential =
        eigen.eigenvectors() * weight.matrix().asDiagonal() * eigen.eigenvectors().transpose();
    const Matrix gradient = (wide ? Matrix(exponential * y) : Matrix(y * exponential)) / variance;

    LowRank out{static_cast<double>(static_cast<Real>(gram.rows()) - weight.sum()), {}};
    for (Eigen::Index i = 0; i < gradient.size(); ++i)
        out.gradient.push_back(static_cast<double>(gradient.data()[i]));
    return out;
}

}  // namespace dnsp::reference
