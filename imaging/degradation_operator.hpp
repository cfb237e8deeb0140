#pragma once

#include <Eigen/Dense>
#include <Eigen/SparseCore>

#include "imaging/degradation.hpp"
#include "imaging/image.hpp"
#include "imaging/resample.hpp"

namespace dnsp::imaging {

/// An image in double precision: height × width, row-major.
using Plane = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Plane to_plane(const Image& image);
/// Rounds to float32.
Image to_image(const Plane& plane);

/// A separable linear map of images, A(X) = V·X·Hᵀ: V maps the rows' axis, H the columns' axis.
class SeparableOperator {
  public:
    SeparableOperator(const AxisResampler& vertical, const AxisResampler& horizontal);

    /// A(X). Throws FileError unless X has the input size.
    Plane apply(const Plane& input) const;
    /// Aᵀ(Y) = Vᵀ·Y·H, the exact transpose: ⟨A(X), Y⟩ = ⟨X, Aᵀ(Y)⟩. Throws FileError unless Y has the output
    /// size.
    Plane apply_transpose(const Plane& output) const;

    /// ‖A‖², the largest eigenvalue of AᵀA.
    double squared_norm() const;

    Eigen::Index input_height() const { return vertical_.cols(); }
    Eigen::Index input_width() const { return horizontal_.cols(); }
    Eigen::Index output_height() const { return vertical_.rows(); }
    Eigen::Index output_width() const { return horizontal_.rows(); }

  private:
    using Sparse = Eigen::SparseMatrix<double, Eigen::RowMajor>;
    Sparse vertical_, horizontal_;
    Sparse vertical_transpose_, horizontal_transpose_;
};

/// The blur and decimation of degrade() without noise and, for the kernel kspace, without the magnitude, for
/// high-resolution images of height × width. Throws FileError unless both are multiples of the scale.
SeparableOperator degradation_operator(int height, int width, const Degradation& degradation);

/// enlarge_bicubic() at the scale and the phase of the degradation, for low-resolution images of height ×
/// width.
SeparableOperator enlargement_operator(int height, int width, const Degradation& degradation);

}  // namespace dnsp::imaging
