#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/options.hpp"
#include "imaging/image.hpp"

namespace dnsp::imaging {

/// The header of a NIfTI file, shared and immutable; defined in nifti_header.hpp.
struct NiftiHeader;

/// Voxels without a measurement; defined in padding.hpp.
struct Padding;

/// A scalar volume. voxels[(z·ny + y)·nx + x]; intensities are scl_slope·stored + scl_inter.
struct Volume {
    std::array<int, 3> size{};              ///< nx, ny, nz
    std::array<double, 3> voxel_size_mm{};  ///< along the three storage axes
    std::vector<float> voxels;
    std::shared_ptr<const NiftiHeader> header;  ///< null for a volume that was not read from a file
    std::string path;                           ///< path of the file, for messages
    std::shared_ptr<const Padding> padding;     ///< null: none was found
    /// What the reader changed, guessed or lost: sentences for the user.
    std::vector<std::string> notes;
};

/// The storage axis (0, 1, 2) along which the slices are stacked; the first rule that applies decides:
/// - the axis of one voxel: there is one slice;
/// - the axis with the largest voxel size, if it exceeds both others by more than 5 % (2-D acquisition);
/// - the axis with the smallest voxel size, if both others exceed it by more than 5 % (coarser in plane);
/// - the axis nearest to the head–foot direction, if the file has an orientation (axial slices);
/// - axis 2.
int default_slice_axis(const Volume& volume);

/// Throws FileError if the slices perpendicular to `axis` have a side of one voxel.
void require_slice_axis(const Volume& volume, int axis);

/// The option --axis: the storage axis perpendicular to the slices, 0, 1 or 2; −1: default_slice_axis().
void visit_slice_axis(OptionVisitor& visitor, int& axis);

/// Number of slices along an axis.
inline int slice_count(const Volume& volume, int axis) { return volume.size[axis]; }

/// The storage axes of the rows and columns of slices perpendicular to `slice_axis`: the rows' axis (y) is
/// the higher of the two remaining ones, the columns' axis (x) the lower.
inline int row_axis(int slice_axis) { return slice_axis == 2 ? 1 : 2; }
inline int column_axis(int slice_axis) { return slice_axis == 0 ? 1 : 0; }

/// Slice `index` perpendicular to `axis`. y runs along row_axis(), x along column_axis(): axis 2 gives height
/// ny, width nx.
Image extract_slice(const Volume& volume, int axis, int index);

/// Copies a slice into the volume. Throws FileError if the size differs.
void insert_slice(Volume& volume, int axis, int index, const Image& slice);

/// As extract_slice() and insert_slice(), with y along `y_axis`, another axis than `axis`.
Image extract_oriented_slice(const Volume& volume, int axis, int y_axis, int index);
void insert_oriented_slice(Volume& volume, int axis, int y_axis, int index, const Image& slice);

/// Grid phase of a change of resolution by an integer factor s.
enum class Phase {
    center,  ///< low-resolution sample k lies at s·k + (s−1)/2: both grids cover the same field of view
    corner   ///< low-resolution sample k lies at s·k: the first samples coincide
};

/// An all-zero volume with a `factor` times finer in-plane grid (the two axes other than `axis`) and the same
/// field of view. The voxel size is divided by `factor`. The origin in sform and qform is shifted by the
/// half-voxel term for Phase::center, and unchanged for Phase::corner.
Volume finer_grid(const Volume& volume, int axis, int factor, Phase phase);

/// An all-zero volume with a `factor` times coarser in-plane grid: sizes are divided and rounded down,
/// geometry is adapted as in finer_grid().
Volume coarser_grid(const Volume& volume, int axis, int factor, Phase phase);

/// An all-zero volume with `count` voxels of `voxel_mm` along `axis`. The field of view begins at the same
/// edge: the first voxel lies half its size from it. Origin and voxel size in sform and qform are adapted.
Volume changed_spacing(const Volume& volume, int axis, int count, double voxel_mm);

}  // namespace dnsp::imaging
