#pragma once

#include "imaging/degradation_operator.hpp"

namespace dnsp::classical {

/// −∇TV(f) of TV(f) = Σ √((f[y+1,x] − f[y,x])² + (f[y,x+1] − f[y,x])² + e). Differences past the border are
/// zero.
imaging::Plane total_variation_descent(const imaging::Plane& f, double e);

/// The curvature of the level lines as in the LRTV toolbox (after Marquina, Osher 2008):
///   κ = (u_xx(u_y² + e) − 2 u_xy·u_x·u_y + u_yy(u_x² + e)) / (u_x² + u_y² + e)^{3/2}
/// First differences are central, and one-sided at the border. u_xx is the forward difference of the backward
/// difference, where the first backward and the last forward difference are zero. κ is not the gradient of a
/// discrete TV.
imaging::Plane curvature(const imaging::Plane& f, double e);

/// Σ √(e² + u_x²) + √(e² + u_y²) with central differences: the term of the objective that the toolbox's inner
/// stop uses.
double toolbox_variation(const imaging::Plane& f, double e);

}  // namespace dnsp::classical
