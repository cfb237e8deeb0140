#pragma once

#include "kernels/low_rank/low_rank.hpp"
#include "priors/loss_term.hpp"

namespace dnsp {

/// How the gradient of R_δ is computed. tests/priors checks that the methods agree.
enum class LowRankMethod {
    matrix_exponential,  ///< δ⁻² Y exp(−YᵀY/2δ²) by repeated squaring, without an SVD
    svd,  ///< U diag(σᵢ/δ² e^(−σᵢ²/2δ²)) Zᵀ, paper Eq. (4); on a CUDA device by a Jacobi kernel
    cusolver  ///< the SVD formula by NVIDIA's cuSOLVER; CUDA devices only
};

struct LowRankOptions {
    double delta = 0.01;
    LowRankMethod method = LowRankMethod::matrix_exponential;
    void visit(OptionVisitor& v);
};

/// Smooth surrogate of rank, paper Eqs. (2)–(4), mean over the batch:
///   R_δ(Y) = min(h, w) − Σᵢ exp(−σᵢ²/2δ²). Intensities in [0, 1].
/// Precision: kernels/low_rank/low_rank.hpp.
TermValue low_rank(const Tensor& output, double delta, LowRankMethod method);

}  // namespace dnsp
