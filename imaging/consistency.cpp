#include "imaging/consistency.hpp"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace dnsp::imaging {
namespace {

using Dense = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using DenseMap = Eigen::Map<const Dense>;

Dense dense(const AxisResampler& map) {
    Dense matrix = Dense::Zero(map.output_size, map.input_size);
    for (int k = 0; k < map.output_size; ++k)
        for (int t = 0; t < map.taps; ++t) {
            const auto tap = static_cast<std::size_t>(k) * static_cast<std::size_t>(map.taps) +
                             static_cast<std::size_t>(t);
            matrix(k, map.index[tap]) += map.weight[tap];
        }
    return matrix;
}

/// Dᵀ(D Dᵀ)⁻¹. The rank may be smaller than the number of rows, as for k-space with a window of zeros.
std::vector<double> pseudo_inverse(const AxisResampler& map) {
    const Dense inverse = dense(map).completeOrthogonalDecomposition().pseudoInverse();
    return {inverse.data(), inverse.data() + inverse.size()};
}

/// The model of the slices, their axis, and the axis of their rows.
struct SliceModels {
    AcquisitionModel model;
    int slice_axis;
    int y_axis;
};

AcquisitionModel in_plane_model(int height, int width, const Degradation& degradation) {
    return {degradation_resampler(height, degradation), degradation_resampler(width, degradation)};
}

SliceModels models_of(const Volume& high, const Volume& low, int axis, const Degradation& degradation) {
    require_linear_model(degradation);
    const auto size = [](const Volume& volume, int a) { return volume.size[static_cast<std::size_t>(a)]; };
    if (!degradation.through_plane)
        return {in_plane_model(size(high, row_axis(axis)), size(high, column_axis(axis)), degradation), axis,
                row_axis(axis)};
    const int across = axis == 0 ? 1 : 0;
    const int columns = size(high, axis == 2 ? 1 : 2);
    // The last slice may reach beyond the last whole voxel.
    AxisResampler slices = thick_slices(size(high, axis), high.voxel_size_mm[static_cast<std::size_t>(axis)],
                                        *degradation.through_plane, size(low, axis));
    return {{std::move(slices), identity_resampler(columns)}, across, axis};
}

void require_size(const Image& image, const Image& expected) {
    require(image.height == expected.height && image.width == expected.width, "consistency",
            fmt::format("the result, acquired again, has {}×{} pixels, the scan {}×{}", image.height,
                        image.width, expected.height, expected.width));
}

Image difference(Image a, const Image& b) {
    for (std::size_t i = 0; i < a.pixels.size(); ++i) a.pixels[i] -= b.pixels[i];
    return a;
}

Image scaled(Image image, double factor) {
    for (float& x : image.pixels) x = static_cast<float>(x * factor);
    return image;
}

}  // namespace

bool has_linear_model(const Degradation& degradation) {
    return !degradation.low_field && degradation.preset != pairs_preset;
}

void require_linear_model(const Degradation& degradation) {
    require(has_linear_model(degradation), "consistency",
            fmt::format("the preset {} has no linear model of the acquisition", degradation.preset));
}

AcquisitionModel::AcquisitionModel(AxisResampler vertical, AxisResampler horizontal)
    : vertical_(std::move(vertical)),
      horizontal_(std::move(horizontal)),
      vertical_inverse_(pseudo_inverse(vertical_)),
      horizontal_inverse_(pseudo_inverse(horizontal_)) {}

Image AcquisitionModel::acquired(const Image& high) const { return resample(high, vertical_, horizontal_); }

Image AcquisitionModel::corrected(const Image& high, const Image& residual) const {
    const DenseMap v(vertical_inverse_.data(), vertical_.input_size, vertical_.output_size);
    const DenseMap h(horizontal_inverse_.data(), horizontal_.input_size, horizontal_.output_size);
    using FloatMap = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
    const FloatMap r(residual.pixels.data(), residual.height, residual.width);
    const Dense change = v * r.cast<double>() * h.transpose();
    Image result = high;
    for (std::size_t i = 0; i < result.pixels.size(); ++i)
        result.pixels[i] = static_cast<float>(result.pixels[i] + change.data()[i]);
    return result;
}

Volume acquisition_residual(const Volume& high, const Volume& low, int axis, const Degradation& degradation) {
    const auto [model, slice_axis, y_axis] = models_of(high, low, axis, degradation);
    require(slice_count(high, slice_axis) == slice_count(low, slice_axis), "consistency",
            fmt::format("the result has {} slices, the scan {}", slice_count(high, slice_axis),
                        slice_count(low, slice_axis)));
    Volume residual = low;
    for (int i = 0; i < slice_count(low, slice_axis); ++i) {
        const Image scan = extract_oriented_slice(low, slice_axis, y_axis, i);
        const Image again = model.acquired(extract_oriented_slice(high, slice_axis, y_axis, i));
        require_size(again, scan);
        insert_oriented_slice(residual, slice_axis, y_axis, i, difference(scan, again));
    }
    return residual;
}

Image acquisition_residual(const Image& high, const Image& low, const Degradation& degradation) {
    require_linear_model(degradation);
    require(!degradation.through_plane, "consistency", "thick slices need a volume");
    const Image again = in_plane_model(high.height, high.width, degradation).acquired(high);
    require_size(again, low);
    return difference(low, again);
}

void correct(Volume& high, const Volume& residual, int axis, const Degradation& degradation, double share) {
    const auto [model, slice_axis, y_axis] = models_of(high, residual, axis, degradation);
    for (int i = 0; i < slice_count(residual, slice_axis); ++i)
        insert_oriented_slice(
            high, slice_axis, y_axis, i,
            model.corrected(extract_oriented_slice(high, slice_axis, y_axis, i),
                            scaled(extract_oriented_slice(residual, slice_axis, y_axis, i), share)));
}

void correct(Image& high, const Image& residual, const Degradation& degradation, double share) {
    high = in_plane_model(high.height, high.width, degradation).corrected(high, scaled(residual, share));
}

double root_mean_square(std::span<const float> values) {
    double sum = 0.0;
    for (const float x : values) sum += static_cast<double>(x) * x;
    return values.empty() ? 0.0 : std::sqrt(sum / static_cast<double>(values.size()));
}

double correcting_share(std::span<const float> residual, double noise) {
    const double rms = root_mean_square(residual);
    return rms > noise ? 1.0 - noise / rms : 0.0;
}

}  // namespace dnsp::imaging
