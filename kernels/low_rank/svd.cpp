#include "kernels/low_rank/low_rank.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

// These decompositions take half a minute to compile: other files declare them as `extern template`.
template class Eigen::BDCSVD<Eigen::MatrixXd>;
template class Eigen::JacobiSVD<Eigen::MatrixXd>;

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

}  // namespace

template <class T>
void low_rank_svd(const LowRankShape& s, const T* matrices, double* value, T* gradient) {
    const double inverse_variance = 1.0 / (s.delta * s.delta);
#pragma omp parallel for schedule(static)
    for (std::int64_t b = 0; b < s.batch; ++b) {
        const Eigen::MatrixXd y = load(s, matrices + b * s.rows * s.cols);
        if (!y.allFinite()) {  // the decomposition does not report it
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

DNSP_INSTANTIATE(low_rank_svd);

}  // namespace dnsp::kernels::cpu
