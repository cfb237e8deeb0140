#include "imaging/degradation_operator.hpp"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <vector>

#include "base/error.hpp"

namespace dnsp::imaging {
namespace {

Eigen::SparseMatrix<double, Eigen::RowMajor> matrix_of(const AxisResampler& map) {
    std::vector<Eigen::Triplet<double>> entries;
    for (int k = 0; k < map.output_size; ++k)
        for (int t = 0; t < map.taps; ++t) {
            const auto tap = static_cast<std::size_t>(k) * map.taps + t;
            if (map.weight[tap] != 0.0) entries.emplace_back(k, map.index[tap], map.weight[tap]);
        }
    Eigen::SparseMatrix<double, Eigen::RowMajor> matrix(map.output_size, map.input_size);
    matrix.setFromTriplets(entries.begin(), entries.end());  // adds the taps that mirrored borders repeat
    return matrix;
}

void require_size(const Plane& plane, Eigen::Index height, Eigen::Index width) {
    require(
        plane.rows() == height && plane.cols() == width, "image",
        fmt::format("the operator expects {}×{}, image is {}×{}", height, width, plane.rows(), plane.cols()));
}

}  // namespace

Plane to_plane(const Image& image) {
    return Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
               image.pixels.data(), image.height, image.width)
        .cast<double>();
}

Image to_image(const Plane& plane) {
    Image image(static_cast<int>(plane.rows()), static_cast<int>(plane.cols()));
    for (Eigen::Index i = 0; i < plane.size(); ++i)
        image.pixels[static_cast<std::size_t>(i)] = static_cast<float>(plane.data()[i]);
    return image;
}

SeparableOperator::SeparableOperator(const AxisResampler& vertical, const AxisResampler& horizontal)
    : vertical_(matrix_of(vertical)),
      horizontal_(matrix_of(horizontal)),
      vertical_transpose_(vertical_.transpose()),
      horizontal_transpose_(horizontal_.transpose()) {}

Plane SeparableOperator::apply(const Plane& input) const {
    require_size(input, input_height(), input_width());
    const Plane rows = vertical_ * input;
    return rows * horizontal_transpose_;
}

Plane SeparableOperator::apply_transpose(const Plane& output) const {
    require_size(output, output_height(), output_width());
    const Plane columns = output * horizontal_;
    return vertical_transpose_ * columns;
}

double SeparableOperator::squared_norm() const {
    const auto of = [](const Sparse& matrix, const Sparse& transpose) {
        const Eigen::MatrixXd product = matrix * transpose;
        return Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(product, Eigen::EigenvaluesOnly)
            .eigenvalues()
            .maxCoeff();
    };
    return of(vertical_, vertical_transpose_) * of(horizontal_, horizontal_transpose_);
}

SeparableOperator degradation_operator(int height, int width, const Degradation& degradation) {
    const AxisResampler vertical = degradation_resampler(height, degradation);
    const int scale = degradation.scale;
    require(height % scale == 0 && width % scale == 0, "image",
            fmt::format("{}×{} is not a multiple of the scale {}", height, width, scale));
    return {vertical, degradation_resampler(width, degradation)};
}

SeparableOperator enlargement_operator(int height, int width, const Degradation& degradation) {
    return {bicubic_enlarger(height, degradation.scale, degradation.phase),
            bicubic_enlarger(width, degradation.scale, degradation.phase)};
}

}  // namespace dnsp::imaging
