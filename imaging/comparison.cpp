#include "imaging/comparison.hpp"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.hpp"
#include "imaging/metrics.hpp"
#include "imaging/resample.hpp"

namespace dnsp::imaging {
namespace {

constexpr int window_radius = 5;  // of SSIM
constexpr double log_sigma = 1.5;
constexpr int log_radius = 7;

using Field = std::vector<double>;

std::size_t extent(const Volume& volume, int axis) {
    return static_cast<std::size_t>(volume.size[static_cast<std::size_t>(axis)]);
}

/// The distance of neighbours along an axis in Volume::voxels.
std::size_t stride(const Volume& volume, int axis) {
    std::size_t distance = 1;
    for (int a = 0; a < axis; ++a) distance *= extent(volume, a);
    return distance;
}

void require_same_grid(const Volume& reference, const Volume& image) {
    const auto text = [](const Volume& v) {
        return fmt::format("{}×{}×{}", v.size[0], v.size[1], v.size[2]);
    };
    require(reference.size == image.size, image.path,
            fmt::format("has {} voxels, the reference {}", text(image), text(reference)));
}

bool counts(const VoxelMask& mask, std::size_t voxel) { return mask.empty() || mask[voxel] != 0; }

Field difference(const Volume& reference, const Volume& image) {
    require_same_grid(reference, image);
    Field out(reference.voxels.size());
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<double>(image.voxels[i]) - reference.voxels[i];
    return out;
}

double squares(const Field& values, const VoxelMask& mask) {
    double sum = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i)
        if (counts(mask, i)) sum += values[i] * values[i];
    return sum;
}

/// A sum of SSIM values and their number.
struct Mean {
    double sum = 0.0;
    std::size_t count = 0;
    double value() const {
        return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
    }
};

/// Adds the values of a map whose windows have their middle in plane `index` perpendicular to `axis`.
void add(Mean& mean, const SsimMap& map, const Volume& grid, int axis, int index, const VoxelMask& mask) {
    const std::size_t plane = static_cast<std::size_t>(index) * stride(grid, axis),
                      row = stride(grid, row_axis(axis)), column = stride(grid, column_axis(axis));
    const auto width = static_cast<std::size_t>(map.width);
    for (std::size_t i = 0; i < map.values.size(); ++i)
        if (counts(mask, plane + (i / width + window_radius) * row + (i % width + window_radius) * column)) {
            mean.sum += map.values[i];
            ++mean.count;
        }
}

/// Convolves along an axis with weights at the distances −radius … radius, borders mirrored.
Field filtered(const Field& field, const Volume& grid, int axis, const std::vector<double>& weights) {
    const std::size_t length = extent(grid, axis), inner = stride(grid, axis);
    const int radius = static_cast<int>(weights.size()) / 2;
    Field out(field.size(), 0.0);
#pragma omp parallel for
    for (std::size_t row = 0; row < field.size() / inner; ++row) {
        const std::size_t first = row / length * length * inner;
        const int k = static_cast<int>(row % length);
        double* target = &out[row * inner];
        for (int t = -radius; t <= radius; ++t) {
            const auto from = static_cast<std::size_t>(mirrored_index(k + t, static_cast<int>(length)));
            const double weight = weights[static_cast<std::size_t>(t + radius)];
            const double* source = &field[first + from * inner];
            for (std::size_t i = 0; i < inner; ++i) target[i] += weight * source[i];
        }
    }
    return out;
}

/// The Laplacian of a Gaussian: Σ over axes of the second derivative on that axis, smoothed on the others.
Field laplacian_of_gaussian(const Field& field, const Volume& grid) {
    std::vector<double> smoothing, second;
    double sum = 0.0;
    for (int t = -log_radius; t <= log_radius; ++t) {
        smoothing.push_back(std::exp(-0.5 * t * t / (log_sigma * log_sigma)));
        sum += smoothing.back();
    }
    for (int t = -log_radius; t <= log_radius; ++t) {
        double& weight = smoothing[static_cast<std::size_t>(t + log_radius)];
        weight /= sum;
        second.push_back((t * t / (log_sigma * log_sigma) - 1.0) / (log_sigma * log_sigma) * weight);
    }
    Field result(field.size(), 0.0);
    for (int derived = 0; derived < 3; ++derived) {
        if (extent(grid, derived) == 1) continue;
        Field term = field;
        for (int axis = 0; axis < 3; ++axis)
            if (extent(grid, axis) > 1)
                term = filtered(term, grid, axis, axis == derived ? second : smoothing);
        for (std::size_t i = 0; i < result.size(); ++i) result[i] += term[i];
    }
    return result;
}

/// Σ ‖∇ field‖² over the voxels that count.
double gradient_squares(const Field& field, const Volume& grid, const VoxelMask& mask) {
    double sum = 0.0;
    for (int axis = 0; axis < 3; ++axis) {
        const std::size_t length = extent(grid, axis), step = stride(grid, axis);
        if (length == 1) continue;
        const double mm = grid.voxel_size_mm[static_cast<std::size_t>(axis)];
        for (std::size_t i = 0; i < field.size(); ++i) {
            if (!counts(mask, i)) continue;
            const std::size_t k = i / step % length;
            const std::size_t before = k > 0 ? i - step : i, after = k + 1 < length ? i + step : i;
            const double slope =
                (field[after] - field[before]) / (mm * static_cast<double>((after - before) / step));
            sum += slope * slope;
        }
    }
    return sum;
}

Field values_of(const Volume& volume) { return {volume.voxels.begin(), volume.voxels.end()}; }

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The rows of the orthonormal DCT-II of `size` samples whose frequency k/(2·size·voxel) is at most
/// 1/(2·spacing).
Matrix low_cosines(int size, double voxel_mm, double spacing_mm) {
    constexpr double tolerance = 1e-9;
    int rows = 1;
    while (rows < size && rows * spacing_mm <= size * voxel_mm * (1.0 + tolerance)) ++rows;
    Matrix cosines(rows, size);
    for (int k = 0; k < rows; ++k)
        for (int i = 0; i < size; ++i)
            cosines(k, i) =
                std::sqrt((k == 0 ? 1.0 : 2.0) / size) * std::cos(std::numbers::pi * k * (i + 0.5) / size);
    return cosines;
}

}  // namespace

double psnr(const Volume& reference, const Volume& image, const VoxelMask& mask, double data_range) {
    const Field error = difference(reference, image);
    const double sum = squares(error, mask);
    if (sum == 0.0) return std::numeric_limits<double>::infinity();
    const auto excluded = static_cast<std::size_t>(std::count(mask.begin(), mask.end(), std::uint8_t{0}));
    return 10.0 * std::log10(data_range * data_range * static_cast<double>(error.size() - excluded) / sum);
}

double nrmse(const Volume& reference, const Volume& image, const VoxelMask& mask) {
    return std::sqrt(squares(difference(reference, image), mask) / squares(values_of(reference), mask));
}

double ssim_2d(const Volume& reference, const Volume& image, int axis, const VoxelMask& mask,
               double data_range) {
    require_same_grid(reference, image);
    Mean mean;
    for (int i = 0; i < slice_count(reference, axis); ++i)
        add(mean, ssim_map(extract_slice(reference, axis, i), extract_slice(image, axis, i), {data_range, 0}),
            reference, axis, i, mask);
    return mean.value();
}

double ssim_3d(const Volume& reference, const Volume& image, const VoxelMask& mask, double data_range) {
    require_same_grid(reference, image);
    constexpr int axis = 2;
    VolumeSsim ssim(data_range);
    Mean mean;
    for (int i = 0; i < slice_count(reference, axis); ++i)
        add(mean, ssim.add(extract_slice(reference, axis, i), extract_slice(image, axis, i)), reference, axis,
            i - window_radius, mask);
    return mean.value();
}

double hfen(const Volume& reference, const Volume& image, const VoxelMask& mask) {
    const Field error = laplacian_of_gaussian(difference(reference, image), reference);
    return std::sqrt(squares(error, mask) /
                     squares(laplacian_of_gaussian(values_of(reference), reference), mask));
}

double gradient_error(const Volume& reference, const Volume& image, const VoxelMask& mask) {
    return std::sqrt(gradient_squares(difference(reference, image), reference, mask) /
                     gradient_squares(values_of(reference), reference, mask));
}

double power_above_nyquist(const Volume& volume, const std::array<double, 3>& spacing_mm) {
    // By Parseval, the power above is the whole power without that of the coefficients below on every axis.
    double mean = 0.0;
    for (const float x : volume.voxels) mean += x;
    mean /= static_cast<double>(volume.voxels.size());
    Field field = values_of(volume);
    for (double& x : field) x -= mean;
    const double whole = squares(field, {});
    std::size_t inner = 1;
    for (int axis = 0; axis < 3; ++axis) {
        const auto a = static_cast<std::size_t>(axis);
        const std::size_t length = extent(volume, axis);
        const Matrix cosines = low_cosines(volume.size[a], volume.voxel_size_mm[a], spacing_mm[a]);
        const auto kept = static_cast<std::size_t>(cosines.rows());
        Field low(field.size() / length * kept);
        for (std::size_t line = 0; line * length * inner < field.size(); ++line)
            Eigen::Map<Matrix>(&low[line * kept * inner], cosines.rows(), static_cast<Eigen::Index>(inner)) =
                cosines * Eigen::Map<const Matrix>(&field[line * length * inner], cosines.cols(),
                                                   static_cast<Eigen::Index>(inner));
        field = std::move(low);
        inner *= kept;
    }
    return std::max(0.0, whole - squares(field, {}));
}

}  // namespace dnsp::imaging
