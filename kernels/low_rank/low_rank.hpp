#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

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

// All kernels here overwrite value[batch] and gradient[batch, rows, cols]. A matrix that is not finite gives
// NaN. The gradient lives in singular values that are a thousandth of the largest one: all kernels compute in
// double precision whatever T is, except cuda::low_rank_svd, which computes in T.

/// By a singular value decomposition of each matrix. The CPU's is the reference for the other path. The CUDA
/// device's is a one-sided Jacobi SVD, a block a matrix, after a column-pivoted QR factorisation that
/// separates the small singular values from the large ones before the rotations mix their rounding errors.
DNSP_DECLARE_KERNEL(low_rank_svd, const LowRankShape& shape, const T* matrices, double* value, T* gradient);

/// Without a decomposition: exp(−X), X = YᵀY/2δ², by repeated squaring, as often as ‖Y‖²_F asks for
/// (kernels/low_rank/matrix_exponential.hpp). The Gram matrix is taken of the shorter side. On the CUDA
/// device a block owns a matrix, on the float64 tensor cores from compute capability 8.0 on.
DNSP_DECLARE_KERNEL(low_rank_matrix_exponential, const LowRankShape& shape, const T* matrices, double* value,
                    T* gradient);

namespace cuda {

/// The longer side that low_rank_svd, and the shorter side that low_rank_matrix_exponential, hold in shared
/// memory. Larger matrices take the path of low_rank_cusolver.
inline constexpr std::int64_t largest_low_rank_side = 64;

/// low_rank_matrix_exponential without tensor cores.
template <class T>
void low_rank_matrix_exponential_fma(const LowRankShape& shape, const T* matrices, double* value,
                                     T* gradient);

/// cuSOLVER in float64, for matrices of any size: a batch whose shorter side is at most 512 by the
/// eigenvectors of the Gram matrices (XsyevBatched), anything else by gesvdj, one matrix after the other. May
/// synchronise: neither this nor the sizes of the other kernels that come here can be captured.
template <class T>
void low_rank_cusolver(const LowRankShape& shape, const T* matrices, double* value, T* gradient);

}  // namespace cuda
}  // namespace dnsp::kernels
