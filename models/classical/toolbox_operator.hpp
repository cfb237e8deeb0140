#pragma once

#include "imaging/degradation_operator.hpp"

namespace dnsp::classical {

/// The degradation that the LRTV toolbox assumes at every scale: a circular Gaussian of σ = 1 high-resolution
/// pixel, then the mean of scale×scale pixels. height and width are of the high-resolution image and
/// multiples of the scale.
imaging::SeparableOperator toolbox_operator(int height, int width, int scale);

/// Each pixel repeated scale×scale times.
imaging::Plane repeat(const imaging::Plane& low, int scale);

}  // namespace dnsp::classical
