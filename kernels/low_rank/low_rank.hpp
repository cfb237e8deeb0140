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
// NaN. The gradient depends on singular values about a thousand times smaller than the largest one, so all
// kernels compute in double, except cuda::low_rank_svd, which computes in T.

/// By a singular value decomposition of each matrix. The CPU kernel is the reference for
/// low_rank_matrix_exponential. The CUDA kernel is a one-sided Jacobi SVD, one block per matrix. A
/// column-pivoted QR factorisation first separates small singular values from large ones, before rotations
/// mix their rounding errors.
DNSP_DECLARE_KERNEL(low_rank_svd, const LowRankShape& shape, const T* matrices, double* value, T* gradient);

/// Without a decomposition: exp(−X), X = YᵀY/2δ², by repeated squaring; ‖Y‖²_F determines the number of
/// squarings (kernels/low_rank/matrix_exponential.hpp). Uses the Gram matrix of the shorter side. On the CUDA
/// device a block owns a matrix; float64 tensor cores are used from compute capability 8.0 on.
DNSP_DECLARE_KERNEL(low_rank_matrix_exponential, const LowRankShape& shape, const T* matrices, double* value,
                    T* gradient);

namespace cuda {

/// The largest side of the kernels that hold a matrix in shared memory: the longer side for low_rank_svd, the
/// shorter side for low_rank_matrix_exponential. Larger matrices use low_rank_cusolver.
inline constexpr std::int64_t largest_low_rank_side = 64;

/// True if these kernels, and not low_rank_cusolver, compute such matrices on the selected device: up to the
/// largest side, and within the device's shared memory. With 64 KiB a block (compute capability 7.5) shorter
/// sides from 57 on are too large for the matrix exponential, and square matrices from side 52 on for the SVD
/// in double.
template <class T>
bool low_rank_matrix_exponential_fits(const LowRankShape& shape);
template <class T>
bool low_rank_svd_fits(const LowRankShape& shape);

/// low_rank_matrix_exponential without tensor cores.
template <class T>
void low_rank_matrix_exponential_fma(const LowRankShape& shape, const T* matrices, double* value,
                                     T* gradient);

/// cuSOLVER in float64, for matrices of any size. If the shorter side is at most 512, a batch uses
/// eigenvectors of the Gram matrices (XsyevBatched), else gesvdj, one matrix after the other. May synchronise
/// with the host, so it cannot be captured in a graph, nor can the other kernels for sizes that they delegate
/// to it.
template <class T>
void low_rank_cusolver(const LowRankShape& shape, const T* matrices, double* value, T* gradient);

}  // namespace cuda
}  // namespace dnsp::kernels
