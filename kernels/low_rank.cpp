#include "kernels/low_rank.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace dnsp::kernels::cpu {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class T>
RowMajor load(const LowRankShape& s, const T* matrix) {
    using Stored = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    return Eigen::Map<const Stored>(matrix, s.rows, s.cols).template cast<double>();
}

template <class T>
void store(const RowMajor& gradient, T* out) {
    std::transform(gradient.data(), gradient.data() + gradient.size(), out,
                   [](double g) { return static_cast<T>(g); });
}

/// exp(−X) for a symmetric positive semidefinite X whose Frobenius norm is at most `norm`.
///
/// The factor I − Z + Z²/2 has eigenvalues in [½, 1] for ‖Z‖ ≤ 1, so squaring it never overflows. Its power
/// differs from exp(−x) by about x³e⁻ˣ/6 · 2⁻²ᵏ, below 1e-9 everywhere for the 14 squarings that even a small
/// X gets; rounding adds about 2ᵏ · 1e-16.
RowMajor exp_of_minus(const RowMajor& x, double norm) {
    if (!std::isfinite(norm)) return RowMajor::Constant(x.rows(), x.cols(), std::nan(""));
    const int squarings = std::max(14, static_cast<int>(std::ceil(std::log2(std::max(norm, 1.0)))));
    const RowMajor z = x * std::ldexp(1.0, -squarings);
    RowMajor power = RowMajor::Identity(x.rows(), x.cols()) - z;
    power.noalias() += 0.5 * z * z;
    RowMajor square(x.rows(), x.cols());
    for (int i = 0; i < squarings; ++i) {
        square.noalias() = power * power;
        power.swap(square);
        // A positive semidefinite matrix is zero when its trace is; stop before the numbers turn subnormal.
        if (power.trace() < 1e-60) return RowMajor::Zero(x.rows(), x.cols());
    }
    return power;
}

}  // namespace

template <class T>
void low_rank_svd(const LowRankShape& s, const T* matrices, double* value, T* gradient) {
    const double inverse_variance = 1.0 / (s.delta * s.delta);
#pragma omp parallel for schedule(static)
    for (std::int64_t b = 0; b < s.batch; ++b) {
        const Eigen::MatrixXd y = load(s, matrices + b * s.rows * s.cols);
        if (!y.allFinite()) {  // the decomposition would not say so
            value[b] = std::nan("");
            std::fill_n(gradient + b * s.rows * s.cols, s.rows * s.cols, static_cast<T>(std::nan("")));
            continue;
        }
        Eigen::BDCSVD<Eigen::MatrixXd> svd(y, Eigen::ComputeThinU | Eigen::ComputeThinV);
        const Eigen::ArrayXd sigma = svd.singularValues().array();
        const Eigen::ArrayXd weight = (-0.5 * inverse_variance * sigma.square()).exp();
        value[b] = static_cast<double>(std::min(s.rows, s.cols)) - weight.sum();
        const Eigen::VectorXd factor = (inverse_variance * sigma * weight).matrix();
        store<T>(svd.matrixU() * factor.asDiagonal() * svd.matrixV().transpose(),
                 gradient + b * s.rows * s.cols);
    }
}

template <class T>
void low_rank_matrix_exponential(const LowRankShape& s, const T* matrices, double* value, T* gradient) {
    const double inverse_variance = 1.0 / (s.delta * s.delta);
    const bool wide = s.cols > s.rows;
#pragma omp parallel for schedule(static)
    for (std::int64_t b = 0; b < s.batch; ++b) {
        const RowMajor y = load(s, matrices + b * s.rows * s.cols);
        RowMajor gram;
        if (wide)
            gram.noalias() = 0.5 * inverse_variance * y * y.transpose();
        else
            gram.noalias() = 0.5 * inverse_variance * y.transpose() * y;
        // tr(YᵀY) bounds the largest eigenvalue.
        const RowMajor exponential = exp_of_minus(gram, 0.5 * inverse_variance * y.squaredNorm());
        value[b] = static_cast<double>(std::min(s.rows, s.cols)) - exponential.trace();
        RowMajor g(s.rows, s.cols);
        if (wide)
            g.noalias() = inverse_variance * exponential * y;
        else
            g.noalias() = inverse_variance * y * exponential;
        store(g, gradient + b * s.rows * s.cols);
    }
}

#define INSTANTIATE(T)                                                         \
    template void low_rank_svd<T>(const LowRankShape&, const T*, double*, T*); \
    template void low_rank_matrix_exponential<T>(const LowRankShape&, const T*, double*, T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace dnsp::kernels::cpu
