#pragma once

#include <cmath>
#include <numbers>

#include "base/philox.hpp"
#include "imaging/geometry.hpp"
#include "imaging/nifti_header.hpp"

namespace dnsp::testing {

using Point = std::array<double, 3>;
enum class Contrast { same, root, inverted };

/// A head with skull, cortical folds and two ventricles, as a function of the position in mm, 0 … 1. It has
/// no symmetry.
inline double head_intensity(const Point& p, Contrast contrast = Contrast::same) {
    const auto inside = [&](double cx, double cy, double cz, double rx, double ry, double rz, double edge) {
        const double u = (p[0] - cx) / rx, v = (p[1] - cy) / ry, w = (p[2] - cz) / rz;
        const double distance = (std::sqrt(u * u + v * v + w * w) - 1.0) * std::min({rx, ry, rz});
        return 1.0 / (1.0 + std::exp(distance / edge));
    };
    const double head = inside(0, 0, 0, 58, 72, 54, 0.8), brain = inside(0, -2, 1, 50, 64, 46, 0.8);
    const double folds = std::sin(0.23 * p[0] + 0.08 * p[2]) * std::cos(0.19 * p[1] - 0.06 * p[2]) +
                         0.6 * std::sin(0.17 * p[2] + 0.05 * p[1] + 0.7);
    const double ventricles = inside(-11, 6, 4, 8, 22, 9, 0.8) + 0.8 * inside(13, 2, 6, 6, 18, 10, 0.8);
    const double lesion = inside(24, -30, 14, 9, 8, 7, 0.8);
    const double t1 =
        0.75 * (head - brain) + brain * (0.5 + 0.16 * folds) * (1 - 0.75 * ventricles) + 0.35 * lesion;
    if (contrast == Contrast::root) return std::sqrt(std::max(t1, 0.0));
    if (contrast == Contrast::inverted) return head * (1.05 - t1);
    return t1;
}

/// Maps points of the fixed image to points of the moving image: y = R(x − c) + c + t, R = Rz·Ry·Rx.
struct RigidMap {
    std::array<Point, 3> rotation{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    Point centre{}, translation{};
    static RigidMap about(const Point& degrees, const Point& translation) {
        const double k = std::numbers::pi / 180.0;
        const double cx = std::cos(k * degrees[0]), sx = std::sin(k * degrees[0]);
        const double cy = std::cos(k * degrees[1]), sy = std::sin(k * degrees[1]);
        const double cz = std::cos(k * degrees[2]), sz = std::sin(k * degrees[2]);
        return {{{{cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx},
                  {sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx},
                  {-sy, cy * sx, cy * cx}}},
                {},
                translation};
    }
    Point operator()(const Point& x) const {
        Point y{};
        for (std::size_t row = 0; row < 3; ++row) {
            y[row] = centre[row] + translation[row];
            for (std::size_t i = 0; i < 3; ++i) y[row] += rotation[row][i] * (x[i] - centre[i]);
        }
        return y;
    }
    Point inverse(const Point& y) const {
        Point x = centre;
        for (std::size_t row = 0; row < 3; ++row)
            for (std::size_t i = 0; i < 3; ++i)
                x[row] += rotation[i][row] * (y[i] - centre[i] - translation[i]);
        return x;
    }
};

/// A volume of the head on the grid that `world` describes, as float32 NIfTI-1 with an sform. `map` maps the
/// head of head_intensity() to its place.
inline imaging::Volume head_volume(const std::array<int, 3>& size, const imaging::VoxelToWorld& world,
                                   const RigidMap& map, Contrast contrast = Contrast::same,
                                   double noise = 0.0) {
    imaging::Volume volume;
    volume.size = size;
    for (std::size_t axis = 0; axis < 3; ++axis)
        volume.voxel_size_mm[axis] = std::hypot(world[0][axis], world[1][axis], world[2][axis]);
    imaging::NiftiHeader header = imaging::plain_header(volume);
    header.fields.sform_code = 1;
    for (std::size_t column = 0; column < 4; ++column) {
        header.fields.srow_x[column] = world[0][column];
        header.fields.srow_y[column] = world[1][column];
        header.fields.srow_z[column] = world[2][column];
    }
    volume.header = std::make_shared<const imaging::NiftiHeader>(header);
    volume.path = "phantom";
    const Philox random{7, 0};
    for (int k = 0; k < size[2]; ++k)
        for (int j = 0; j < size[1]; ++j)
            for (int i = 0; i < size[0]; ++i) {
                Point at{};
                for (std::size_t row = 0; row < 3; ++row)
                    at[row] = world[row][0] * i + world[row][1] * j + world[row][2] * k + world[row][3];
                const double value =
                    head_intensity(map.inverse(at), contrast) + noise * random.normal(volume.voxels.size());
                volume.voxels.push_back(static_cast<float>(1000.0 * value));
            }
    return volume;
}

/// Points on and inside the head.
inline std::vector<Point> head_points() {
    std::vector<Point> points;
    for (double x = -54; x <= 54; x += 12)
        for (double y = -66; y <= 66; y += 12)
            for (double z = -48; z <= 48; z += 12)
                if (std::hypot(x / 58, y / 72, z / 54) < 1) points.push_back({x, y, z});
    return points;
}

}  // namespace dnsp::testing
