#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "imaging/volume.hpp"

// Series of MR images in DICOM (PS3.3 A.4 and A.36): classic, one file an image, and enhanced, one file of
// many frames. Geometry: PS3.3 C.7.6.2. Read and written by GDCM.
namespace dnsp::imaging {

/// The data sets of a series; defined in dicom_source.hpp.
struct DicomSource;

struct DicomSeries {
    /// Images by position along their normal, axis 2. Columns run along axis 0, rows along axis 1. The header
    /// has the affine matrix in qform and sform, the stored type, and the rescaling if all images share one.
    Volume volume;
    std::shared_ptr<const DicomSource> source;
};

/// True for a file that begins as DICOM files do, and for a folder that contains one, not in a folder below.
bool is_dicom(const std::filesystem::path& path);

/// Reads a file, or the DICOM files of a folder; other files are ignored. `series`: the number or UID of the
/// series; may be empty if there is one only. Images are sorted by position, never by name or number. Throws
/// FileError("path: reason") for several series without a choice (it names them), images of other sizes or
/// orientations, several images at one position, positions that are not evenly spaced or not along the
/// normal, mosaics, colour images, and files that cannot be decoded.
DicomSeries read_dicom(const std::filesystem::path& path, const std::string& series = "");

/// Writes a volume that was made of a series as a derived series of classic MR images into a new folder,
/// which appears when it is complete. Patient, study, equipment and frame of reference stay; every image
/// takes the attributes of the source image nearest to it. New are UIDs, geometry, pixels, ImageType
/// DERIVED\SECONDARY, the number of the series (+1000), and `description`, which is added to its name.
/// Private attributes, overlays and icons are left out. UIDs are functions of the source's UIDs and the
/// intensities. Intensities are rounded to the source's rescaling; if they do not fit 16 bits, the images of
/// the source have several rescalings, or rounding is coarse (storage.hpp), to one that covers them. Returns
/// a sentence that says so, else an empty text. Throws FileError if the folder exists and `replace` is false
/// or it holds anything but DICOM files, or if a file cannot be written.
std::string write_dicom(const std::filesystem::path& folder, const Volume& volume, const DicomSource& source,
                        const std::string& description, bool replace);

}  // namespace dnsp::imaging
