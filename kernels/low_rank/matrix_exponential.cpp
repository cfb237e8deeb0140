// R_δ and ∇R_δ by exp(−X) without a decomposition (kernels/low_rank/matrix_exponential.hpp). Symmetric
// products dominate the time; Eigen would compute both of their halves.
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "base/divide_up.hpp"
#include "kernels/low_rank/low_rank.hpp"
#include "kernels/low_rank/matrix_exponential.hpp"
#include "kernels/multiply_add.hpp"

namespace dnsp::kernels::cpu {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Eigen::Index tile = 8;

/// C[row + i][col + j] = Σₖ A[k][row + i] · A[k][col + j] for a register tile of 8 rows × 8 · `width`
/// columns.
template <int width>
void multiply_tile(const RowMajor& a, Eigen::Index row, Eigen::Index col, RowMajor& c) {
    using namespace Eigen::internal;
    using Packet = packet_traits<double>::type;
    constexpr int packet = packet_traits<double>::size, packets = width * tile / packet;
    static_assert(tile % packet == 0);
    Packet sums[tile][packets];
    for (auto& of_row : sums)
        for (Packet& sum : of_row) sum = pset1<Packet>(0.0);
    for (Eigen::Index k = 0; k < a.rows(); ++k) {
        const double* const a_k = a.data() + k * a.cols();
        for (int i = 0; i < tile; ++i)
            for (int j = 0; j < packets; ++j)
                sums[i][j] =
                    pmadd(pset1<Packet>(a_k[row + i]), pload<Packet>(a_k + col + j * packet), sums[i][j]);
    }
    for (int i = 0; i < tile; ++i)
        for (int j = 0; j < packets; ++j)
            pstore(c.data() + (row + i) * c.cols() + col + j * packet, sums[i][j]);
}

/// C = AᵀA; only tiles on and above the diagonal are computed. The number of columns must be a multiple of 8.
void gram(const RowMajor& a, RowMajor& c) {
    const Eigen::Index n = a.cols();
    for (Eigen::Index row = 0; row < n; row += tile) {
        Eigen::Index col = row;
        for (; col + 3 * tile <= n; col += 3 * tile) multiply_tile<3>(a, row, col, c);
        if (col + 2 * tile == n) multiply_tile<2>(a, row, col, c);
        if (col + tile == n) multiply_tile<1>(a, row, col, c);
        for (Eigen::Index left = 0; left < row; left += tile)
            c.block<tile, tile>(row, left) = c.block<tile, tile>(left, row).transpose();
    }
}

/// The matrix with its shorter side along the columns, padded with zero columns to a multiple of 8.
template <class T>
RowMajor load(const LowRankShape& s, const T* matrix) {
    using Stored = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Eigen::Map<const Stored> y(matrix, s.rows, s.cols);
    const Eigen::Index shorter = std::min(s.rows, s.cols);
    RowMajor padded = RowMajor::Zero(std::max(s.rows, s.cols), divide_up(shorter, tile) * tile);
    if (s.cols > s.rows)
        padded.leftCols(shorter) = y.transpose().template cast<double>();
    else
        padded.leftCols(shorter) = y.template cast<double>();
    return padded;
}

/// x ← exp(−x) for a symmetric positive semidefinite matrix with eigenvalues of at most `norm`. `work` must
/// have the size of x.
void exponential_of_minus(RowMajor& x, double norm, RowMajor& work) {
    const ExponentialTable& table = exponential_table();
    const auto* steps = std::find_if(table.begin(), table.end() - 1,
                                     [&](const ExponentialSteps& s) { return s.reach >= norm; });
    x *= steps->start_x * std::min(1.0, steps->reach / norm);
    x.diagonal().array() += steps->start_identity;
    for (int i = 0; i < steps->doublings; ++i) {
        gram(x, work);
        x.swap(work);
        x.diagonal().array() -= 2;
    }
    gram(x, work);
    for (Eigen::Index i = 0; i < x.size(); ++i)
        work.data()[i] = multiply_add(steps->v_square, work.data()[i], steps->v_h * x.data()[i]);
    work.diagonal().array() += steps->v_identity;
    const RowMajor h = steps->p_h * x;
    gram(work, x);
    x += h;
    x.diagonal().array() += steps->p_identity;
    for (int i = 0; i < ExponentialSteps::squarings; ++i) {
        gram(x, work);
        x.swap(work);
    }
}

}  // namespace

template <class T>
void low_rank_matrix_exponential(const LowRankShape& s, const T* matrices, double* value, T* gradient) {
    using Stored = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const double inverse_variance = 1.0 / (s.delta * s.delta);
    const Eigen::Index shorter = std::min(s.rows, s.cols);
#pragma omp parallel for schedule(static)
    for (std::int64_t b = 0; b < s.batch; ++b) {
        const RowMajor y = load(s, matrices + b * s.rows * s.cols);
        Eigen::Map<Stored> g(gradient + b * s.rows * s.cols, s.rows, s.cols);
        // ‖Y‖²_F bounds the largest eigenvalue of YᵀY.
        const double norm = 0.5 * inverse_variance * y.squaredNorm();
        if (!std::isfinite(norm)) {
            value[b] = std::nan("");
            g.setConstant(static_cast<T>(std::nan("")));
            continue;
        }
        RowMajor x(y.cols(), y.cols()), work(y.cols(), y.cols());
        gram(y, x);
        x *= 0.5 * inverse_variance;
        exponential_of_minus(x, norm, work);
        value[b] = static_cast<double>(shorter) - x.diagonal().head(shorter).sum();
        const RowMajor product = inverse_variance * (y * x);
        if (s.cols > s.rows)
            g = product.leftCols(shorter).transpose().template cast<T>();
        else
            g = product.leftCols(shorter).template cast<T>();
    }
}

DNSP_INSTANTIATE(low_rank_matrix_exponential);

}  // namespace dnsp::kernels::cpu
