#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "imaging/volume.hpp"

// How far a volume is from a reference on the same grid. A picture is a volume with one plane. The functions
// throw FileError for volumes of different sizes.
namespace dnsp::imaging {

/// The voxels that count, by their place in Volume::voxels: those that are not 0. Empty: all voxels.
using VoxelMask = std::vector<std::uint8_t>;

/// 10·log10(data_range² / mean squared error), dB; +infinity for equal volumes.
double psnr(const Volume& reference, const Volume& image, const VoxelMask& mask, double data_range);

/// ‖image − reference‖ / ‖reference‖ (Euclidean norms).
double nrmse(const Volume& reference, const Volume& image, const VoxelMask& mask);

/// Mean SSIM (imaging/metrics.hpp) of the slices perpendicular to `axis`, over the windows whose middle
/// counts. NaN where there is no such window.
double ssim_2d(const Volume& reference, const Volume& image, int axis, const VoxelMask& mask,
               double data_range);

/// Mean SSIM with an 11×11×11 window, over the windows whose middle counts. NaN where there is no such
/// window.
double ssim_3d(const Volume& reference, const Volume& image, const VoxelMask& mask, double data_range);

/// High-frequency error norm (Ravishankar & Bresler, IEEE TMI 30, 2011, normalised):
///   ‖L(image − reference)‖ / ‖L(reference)‖
/// L is the Laplacian of a Gaussian of σ = 1.5 voxels with 15 taps on each axis of more than one voxel.
/// Borders are mirrored. The paper filters slices in two dimensions; here volumes are filtered in three, so
/// that the thick axis counts.
double hfen(const Volume& reference, const Volume& image, const VoxelMask& mask);

/// ‖∇(image − reference)‖ / ‖∇ reference‖, per mm: central differences, one-sided at borders.
double gradient_error(const Volume& reference, const Volume& image, const VoxelMask& mask);

/// Σ of the squared coefficients of the orthonormal discrete cosine transform (DCT-II) whose frequency on
/// some axis is above 1/(2·spacing), the Nyquist frequency of samples `spacing` mm apart. The borders of this
/// transform are mirrored, so that they add no high frequencies. `spacing_mm`: of each storage axis; the
/// voxel size or less: no frequency of this axis is above it.
double power_above_nyquist(const Volume& volume, const std::array<double, 3>& spacing_mm);

}  // namespace dnsp::imaging
