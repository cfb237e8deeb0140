#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/options.hpp"
#include "imaging/image.hpp"

namespace dnsp::imaging {

/// What a NIfTI file says besides its voxels; opaque here (see nifti_header.hpp), shared and immutable.
struct NiftiHeader;

/// A scalar volume. voxels[(z·ny + y)·nx + x]; intensities are scl_slope·stored + scl_inter.
struct Volume {
    std::array<int, 3> size{};              ///< nx, ny, nz
    std::array<double, 3> voxel_size_mm{};  ///< along the three storage axes
    std::vector<float> voxels;
    std::shared_ptr<const NiftiHeader> header;  ///< null for a volume that came from no file
    std::string path;                           ///< where it was read from, for messages
};

/// The storage axis (0, 1, 2) that the slices are stacked along: the one with the largest voxel size
/// where that is more than 5 % above both others (the slice direction of a 2-D acquisition); the one with
/// the smallest where both others are more than 5 % above it (a grid made coarser in plane); else the one
/// nearest to the head–foot direction by the file's orientation (axial slices), else 2.
int default_slice_axis(const Volume& volume);

/// The option --axis: the storage axis perpendicular to the slices, 0, 1 or 2; −1: default_slice_axis().
void visit_slice_axis(OptionVisitor& visitor, int& axis);

/// Number of slices along an axis.
inline int slice_count(const Volume& volume, int axis) { return volume.size[axis]; }

/// The slice `index` perpendicular to `axis`. Rows run along the higher of the two remaining storage
/// axes, columns along the lower: axis 2 gives height ny, width nx.
Image extract_slice(const Volume& volume, int axis, int index);

/// Writes a slice back; its size must match.
void insert_slice(Volume& volume, int axis, int index, const Image& slice);

/// Grid phase of a change of resolution by an integer factor s.
enum class Phase {
    center,  ///< low-resolution sample k lies at s·k + (s−1)/2: both grids cover the same field of view
    corner   ///< low-resolution sample k lies at s·k: the first samples coincide
};

/// An all-zero volume whose in-plane grid (the two axes other than `axis`) is `factor` times finer:
/// same field of view; voxel size divided; origin moved by the half-voxel term in sform and qform alike
/// for Phase::center and left alone for Phase::corner.
Volume finer_grid(const Volume& volume, int axis, int factor, Phase phase);

/// The reverse: an all-zero volume whose in-plane grid is `factor` times coarser (sizes divided,
/// rounded down), geometry adapted likewise.
Volume coarser_grid(const Volume& volume, int axis, int factor, Phase phase);

}  // namespace dnsp::imaging
