#pragma once

#include "imaging/degradation_operator.hpp"

namespace dnsp::classical {

/// Singular value thresholding: U·max(Σ − τ, 0)·Vᵀ for X = U Σ Vᵀ. It minimises ½‖M − X‖²_F + τ‖M‖₊ (Cai,
/// Candès, Shen 2010).
///
/// The singular values come from the eigenvalues of the smaller of XXᵀ and XᵀX. That is as fast as an SVD
/// without its vectors on one side. Its rounding error is of the order of ε·σ₁²/τ, since singular values
/// below τ vanish. The result does not depend on the number of threads.
imaging::Plane threshold_singular_values(const imaging::Plane& x, double tau);

}  // namespace dnsp::classical
