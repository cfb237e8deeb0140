#include "imaging/cut.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "imaging/geometry.hpp"
#include "imaging/nifti_header.hpp"

namespace dnsp::imaging {
namespace {

using Affine = Eigen::Matrix4d;

Affine matrix_of(const Volume& volume) {
    const VoxelToWorld world = voxel_to_world(volume);
    Affine matrix = Affine::Identity();
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 4; ++j)
            matrix(i, j) = world[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
    return matrix;
}

double keys(double distance) {
    const double d = std::abs(distance);
    if (d < 1.0) return (1.5 * d - 2.5) * d * d + 1.0;
    if (d < 2.0) return ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0;
    return 0.0;
}

float at(const Volume& volume, int x, int y, int z) {
    x = std::clamp(x, 0, volume.size[0] - 1);
    y = std::clamp(y, 0, volume.size[1] - 1);
    z = std::clamp(z, 0, volume.size[2] - 1);
    return volume.voxels[(static_cast<std::size_t>(z) * static_cast<std::size_t>(volume.size[1]) +
                          static_cast<std::size_t>(y)) *
                             static_cast<std::size_t>(volume.size[0]) +
                         static_cast<std::size_t>(x)];
}

float cubic_at(const Volume& volume, const Eigen::Vector4d& p) {
    const int x0 = static_cast<int>(std::floor(p[0])), y0 = static_cast<int>(std::floor(p[1])),
              z0 = static_cast<int>(std::floor(p[2]));
    double sum = 0.0;
    for (int z = z0 - 1; z <= z0 + 2; ++z)
        for (int y = y0 - 1; y <= y0 + 2; ++y) {
            const double weight = keys(p[2] - z) * keys(p[1] - y);
            if (weight == 0.0) continue;
            for (int x = x0 - 1; x <= x0 + 2; ++x) sum += weight * keys(p[0] - x) * at(volume, x, y, z);
        }
    return static_cast<float>(sum);
}

/// The direction of a storage axis: the patient axis that it is nearest to (0 left–right, 1 back–front, 2
/// foot–head), and whether the index grows to the right, front or head.
struct Direction {
    int patient_axis = 0;
    bool grows = true;
};

Direction direction_of(const Affine& matrix, int axis) {
    Direction direction;
    matrix.col(axis).head<3>().cwiseAbs().maxCoeff(&direction.patient_axis);
    direction.grows = matrix(direction.patient_axis, axis) > 0.0;
    return direction;
}

void flip_columns(Image& image) {
    for (int y = 0; y < image.height; ++y) {
        float* row = &image.pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width)];
        std::reverse(row, row + image.width);
    }
}

}  // namespace

Image cut(const Volume& volume, const Volume& grid, int axis, int index, CutInterpolation interpolation) {
    const Affine to_volume = matrix_of(volume).inverse() * matrix_of(grid);
    const int across = column_axis(axis), down = row_axis(axis);
    Image image(grid.size[static_cast<std::size_t>(down)], grid.size[static_cast<std::size_t>(across)]);
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x) {
            Eigen::Vector4d voxel(0.0, 0.0, 0.0, 1.0);
            voxel[axis] = index;
            voxel[across] = x;
            voxel[down] = y;
            const Eigen::Vector4d p = to_volume * voxel;
            image.at(y, x) =
                interpolation == CutInterpolation::cubic
                    ? cubic_at(volume, p)
                    : at(volume, static_cast<int>(std::lround(p[0])), static_cast<int>(std::lround(p[1])),
                         static_cast<int>(std::lround(p[2])));
        }
    return image;
}

OrientedCut oriented_cut(const Volume& volume, const Volume& grid, int axis, int index,
                         CutInterpolation interpolation) {
    OrientedCut result;
    result.image = cut(volume, grid, axis, index, interpolation);
    int across = column_axis(axis), down = row_axis(axis);
    const auto extent = [&](int a) {
        return grid.voxel_size_mm[static_cast<std::size_t>(a)] * grid.size[static_cast<std::size_t>(a)];
    };
    const bool oriented = grid.header && head_foot_axis(*grid.header);
    if (oriented) {
        const Affine matrix = matrix_of(grid);
        // Vertical is foot–head, or back–front in axial cuts.
        if (direction_of(matrix, across).patient_axis > direction_of(matrix, down).patient_axis) {
            result.image = transposed(result.image);
            std::swap(across, down);
        }
        const Direction horizontal = direction_of(matrix, across), vertical = direction_of(matrix, down);
        // Right of the patient at the left, front at the left, head or front at the top.
        if (horizontal.grows) flip_columns(result.image);
        if (vertical.grows) {
            result.image = transposed(result.image);
            flip_columns(result.image);
            result.image = transposed(result.image);
        }
        constexpr const char* high[] = {"R", "A", "S"};
        constexpr const char* low[] = {"L", "P", "I"};
        result.left = high[horizontal.patient_axis];
        result.right = low[horizontal.patient_axis];
        result.top = high[vertical.patient_axis];
        result.bottom = low[vertical.patient_axis];
    }
    constexpr const char* names[] = {"sagittal", "coronal", "axial"};
    result.name = oriented ? names[direction_of(matrix_of(grid), axis).patient_axis] : "slice";
    result.width_mm = extent(across);
    result.height_mm = extent(down);
    return result;
}

}  // namespace dnsp::imaging
