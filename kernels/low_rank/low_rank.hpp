#pragma once

#include <cstdint>

namespace dnsp::kernels {

/// The smooth surrogate of rank, paper Eqs. (2)–(4), for `batch` matrices Y of rows × cols, dense row-major:
///   R_δ(Y)  = R − Σᵢ exp(−σᵢ²/2δ²),  R = min(rows, cols)
///   ∇R_δ(Y) = U diag(σᵢ/δ² · exp(−σᵢ²/2δ²)) Zᵀ = δ⁻² · Y · exp(−YᵀY/2δ²)
struct LowRankShape {
    std::int64_t batch = 1;
    std::int64_t rows = 1;
    std::int64_t cols = 1;
    double delta = 0.01;
};

/// value[batch] and gradient[batch, rows, cols] are overwritten. A matrix that is not finite gives NaN. The
/// gradient lives in singular values that are a thousandth of the largest one: all paths compute in double
/// precision whatever T is, but for cuda::low_rank_svd, which says how it does without.
namespace cpu {

/// By a singular value decomposition of each matrix; also the reference for the other path.
template <class T>
void low_rank_svd(const LowRankShape& shape, const T* matrices, double* value, T* gradient);

/// Without one: exp(−X), X = YᵀY/2δ², by repeated squaring, as often as ‖Y‖²_F asks for
/// (kernels/low_rank/matrix_exponential.hpp). The Gram matrix is taken of the shorter side.
template <class T>
void low_rank_matrix_exponential(const LowRankShape& shape, const T* matrices, double* value, T* gradient);

}  // namespace cpu

namespace cuda {

/// The longer side that low_rank_svd, and the shorter side that low_rank_matrix_exponential, hold in shared
/// memory. Larger matrices take the path of low_rank_cusolver.
inline constexpr std::int64_t largest_low_rank_side = 64;

/// One-sided Jacobi SVD, a block a matrix, after a column-pivoted QR factorisation that separates the small
/// singular values from the large ones before the rotations mix their rounding errors. Computes in T.
template <class T>
void low_rank_svd(const LowRankShape& shape, const T* matrices, double* value, T* gradient);

/// The repeated squaring of the CPU path on the float64 tensor cores, a block a matrix; without them on
/// devices before compute capability 8.0, which have none.
template <class T>
void low_rank_matrix_exponential(const LowRankShape& shape, const T* matrices, double* value, T* gradient);

/// The latter on any device.
template <class T>
void low_rank_matrix_exponential_fma(const LowRankShape& shape, const T* matrices, double* value,
                                     T* gradient);

/// cuSOLVER in float64, for matrices of any size: a batch whose shorter side is at most 512 by the
/// eigenvectors of the Gram matrices (XsyevBatched), anything else by gesvdj, one matrix after the other. May
/// synchronise: not to be captured, nor are the sizes of the other paths that come here.
template <class T>
void low_rank_cusolver(const LowRankShape& shape, const T* matrices, double* value, T* gradient);

}  // namespace cuda
}  // namespace dnsp::kernels
