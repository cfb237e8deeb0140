#pragma once

#include <span>
#include <vector>

#include "imaging/degradation.hpp"
#include "imaging/image.hpp"
#include "imaging/volume.hpp"

// Whether a result Y agrees with the scan X: acquired again by the linear model D of the weights, D(Y) should
// be X. Among the images that agree, Y + Dᵀ(D Dᵀ)⁻¹(X − D(Y)) is the nearest to Y (least squares). If the
// model holds and X has no noise, the truth agrees too, so that this projection never moves away from it.
namespace dnsp::imaging {

/// False for low-field and pairs.
bool has_linear_model(const Degradation& degradation);
/// Throws FileError for a degradation without a linear model.
void require_linear_model(const Degradation& degradation);

/// D of a slice: a map of each axis.
class AcquisitionModel {
  public:
    AcquisitionModel(AxisResampler vertical, AxisResampler horizontal);

    /// D(Y), of the size of the low-resolution slice.
    Image acquired(const Image& high) const;
    /// Y + Dᵀ(D Dᵀ)⁻¹ R for a residual R of the size of the low-resolution slice.
    Image corrected(const Image& high, const Image& residual) const;

  private:
    using Matrix = std::vector<double>;  ///< row-major
    AxisResampler vertical_, horizontal_;
    Matrix vertical_inverse_, horizontal_inverse_;  ///< Dᵀ(D Dᵀ)⁻¹ of each axis, [input size, output size]
};

/// X − D(Y) on the grid of X. In-plane, the slices of both volumes are perpendicular to `axis`;
/// through-plane, `axis` is that of the thick slices. `high` lies on the grid that upscaling gives. Throws
/// FileError for other sizes, and as require_linear_model().
Volume acquisition_residual(const Volume& high, const Volume& low, int axis, const Degradation& degradation);
Image acquisition_residual(const Image& high, const Image& low, const Degradation& degradation);

/// Corrects `high` by `share` of the residual: 1 makes it agree with X.
void correct(Volume& high, const Volume& residual, int axis, const Degradation& degradation, double share);
void correct(Image& high, const Image& residual, const Degradation& degradation, double share);

/// The share that leaves a residual with the root mean square of the noise: max(0, 1 − noise/rms).
double correcting_share(std::span<const float> residual, double noise);

double root_mean_square(std::span<const float> values);

}  // namespace dnsp::imaging
