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

/// Both paths compute in double precision whatever T is: the gradient lives in singular values that are a
/// thousandth of the largest one. value[batch] and gradient[batch, rows, cols] are overwritten.
namespace cpu {

/// By a singular value decomposition of each matrix; also the reference for the other path.
template <class T>
void low_rank_svd(const LowRankShape& shape, const T* matrices, double* value, T* gradient);

/// Without one: exp(−X) = (exp(−X/2ᵏ))^(2ᵏ), X = YᵀY/2δ², with exp(−Z) ≈ I − Z + Z²/2 at the bottom and k
/// repeated squarings, k chosen from ‖Y‖²_F so that ‖Z‖ ≤ 1. The Gram matrix is taken of the shorter side.
template <class T>
void low_rank_matrix_exponential(const LowRankShape& shape, const T* matrices, double* value, T* gradient);

}  // namespace cpu
}  // namespace dnsp::kernels
