#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "imaging/volume.hpp"

// Files of volumes in any format. A format registers itself: NIfTI (nifti_write.cpp), MGH (mgh.cpp), and with
// ITK NRRD and MetaImage (itk/). DICOM series are folders and stand apart (dicom/).
namespace dnsp::imaging {

/// A file holds several volumes, and none was chosen.
struct VolumeNotChosen : FileError {
    using FileError::FileError;
};

/// Which volumes of a file are read: one, the only one (default), or all.
struct VolumeSelection {
    std::optional<int> index = {};  ///< from 0
    bool all = false;

    /// The first volume and the number of volumes, of a file that holds `count`. Throws VolumeNotChosen, and
    /// FileError for an index that the file does not have.
    std::pair<std::int64_t, std::int64_t> of(std::int64_t count, const std::string& path) const;
};

/// How intensities are stored in a file; defined in stored_voxels.hpp.
struct StoredType;

/// The type of the voxels of a written file. keep: that of the input, as far as the intensities fit and
/// rounding is fine enough; else a chosen slope or a wider type (storage.hpp).
enum class IntensityType { keep, int16, float32 };

struct VolumeFormat {
    std::string name;                     ///< for messages
    std::vector<std::string> extensions;  ///< of files that can be read, in lower case: ".nii.gz"
    std::vector<std::string> written;     ///< of files that can be written
    std::vector<Volume> (*read)(const std::filesystem::path&, const VolumeSelection&);
    void (*write)(const std::filesystem::path&, std::span<const Volume>, const StoredType&);
    bool writes_series;            ///< several volumes of one size and geometry (4-D)
    bool has_scale;                ///< slope and intercept of intensities
    int (*holding)(int datatype);  ///< the type of the format for a datatype of NIfTI
};

/// Registers a format before main().
struct VolumeFormatRegistration {
    explicit VolumeFormatRegistration(VolumeFormat format);
};

/// True if a registered format has the extension of the name, in lower or upper case.
bool is_volume_path(const std::filesystem::path& path);

/// The extensions of all registered formats, for messages: ".mgh, .mgz, .nii, .nii.gz".
std::string volume_extensions();

/// Throws FileError if no format writes so many volumes to a file of this name.
void require_writable_format(const std::filesystem::path& path, std::size_t volumes = 1);

/// Reads one volume. Throws FileError, one sentence with path and reason, for files that are missing, damaged
/// or no MR image (read_nifti() lists the cases), and for an unknown extension.
Volume read_volume(const std::filesystem::path& path, std::optional<int> index = std::nullopt);

/// As read_volume(), for all volumes of a file.
std::vector<Volume> read_volumes(const std::filesystem::path& path);

/// Writes one volume, or a series of volumes of one size, in the format that the name asks for: geometry and,
/// if the format has it, the stored type are kept. Returns a sentence if the stored type or its scale had to
/// change, else an empty text. Throws FileError as write_nifti() does, and for what the format cannot hold.
std::string write_volume(const std::filesystem::path& path, const Volume& volume,
                         IntensityType type = IntensityType::keep);
std::string write_volumes(const std::filesystem::path& path, std::span<const Volume> volumes,
                          IntensityType type = IntensityType::keep);

}  // namespace dnsp::imaging
