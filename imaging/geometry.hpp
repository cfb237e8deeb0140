#pragma once

#include <array>

#include "imaging/volume.hpp"

namespace dnsp::imaging {

/// The upper three rows of the 4×4 matrix that maps voxel indices (i, j, k, 1) to positions in mm: x to the
/// right, y to the front, z to the head (RAS, as in NIfTI).
using VoxelToWorld = std::array<std::array<double, 4>, 3>;

/// From the header: the sform if there is one, else the qform, else voxel sizes along the storage axes from
/// the origin (also for a volume without a header). Throws FileError if the matrix is singular or has NaN or
/// infinite entries.
VoxelToWorld voxel_to_world(const Volume& volume);

/// Distance in mm between the positions of a corner voxel in two grids of this size, the largest of all
/// corners.
double corner_distance_mm(const VoxelToWorld& a, const VoxelToWorld& b, const std::array<int, 3>& size);

/// An all-zero volume with the size, geometry and NIfTI version of `grid`, and with the stored type,
/// intensity scaling and description of `intensities`.
Volume on_grid_of(const Volume& grid, const Volume& intensities);

}  // namespace dnsp::imaging
