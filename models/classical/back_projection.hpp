#pragma once

#include "imaging/degradation_operator.hpp"

namespace dnsp::classical {

/// Iterative back-projection (Irani, Peleg 1991; Landweber's iteration for ½s²‖A X − T‖²): `steps` times
///   X ← X + step·s²/max(1, L)·Aᵀ(T − A X),  L = s²‖AᵀA‖.
/// ‖A X − T‖ decreases for 0 < step < 2. L is 1 for the centred presets; it is larger for samples at the
/// corner and for narrow kernels.
imaging::Plane back_project(const imaging::SeparableOperator& degradation, int scale,
                            const imaging::Plane& low, imaging::Plane image, int steps, double step);

}  // namespace dnsp::classical
