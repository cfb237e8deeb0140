#pragma once

#include <filesystem>
#include <optional>

#include "imaging/volume_file.hpp"

namespace dnsp::imaging {

/// True for the names .nii and .nii.gz.
bool is_nifti_path(const std::filesystem::path& path);

/// Reads a NIfTI-1 or NIfTI-2 file (single file, .nii or .nii.gz; all integer and float types; both byte
/// orders; scl_slope and scl_inter applied).
/// `volume_index`: the volume of a 4-D file, from 0; may be empty for a file of one volume, else
/// VolumeNotChosen is thrown. Throws FileError, one sentence with path and reason, for: a missing,
/// unreadable, truncated or non-NIfTI file; complex and RGB types; label, statistic and vector intents; fewer
/// than two voxels along an axis (one-slice volumes); NaN or Inf voxels; a volume of one constant value.
Volume read_nifti(const std::filesystem::path& path, std::optional<int> volume_index = std::nullopt);

/// Writes a volume through a temporary file in the same folder, renamed at the end (see AtomicFile), as
/// NIfTI-1 or -2 like the header it came with: data type, slope, intercept, units, description, qform and
/// sform codes, intent and header extensions kept, unless intensities do not fit (IntensityType::keep). A
/// volume without a header becomes float32 NIfTI-1. Gzip when the name ends in .gz. Byte order is the
/// machine's. Throws FileError for NaN or Inf voxels, for a side NIfTI-1 cannot hold, and when the file
/// cannot be written completely.
void write_nifti(const std::filesystem::path& path, const Volume& volume);

/// As read_nifti(), for several volumes of a 4-D file.
std::vector<Volume> read_nifti_volumes(const std::filesystem::path& path, const VolumeSelection& selection);

/// Puts a text before the description in the header of a volume, cut to the 79 bytes of the format. Nothing
/// for a volume without header.
void prepend_description(Volume& volume, const std::string& text);

}  // namespace dnsp::imaging
