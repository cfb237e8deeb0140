#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace dnsp::imaging {

/// Receives one sentence for the user, for example about files that are ignored.
using Notice = std::function<void(const std::string&)>;

/// Throws Error unless the name is that of a volume or a picture; it says what to use instead of a pair of
/// .hdr and .img.
void require_image_path(const std::filesystem::path& path);

enum class FolderImages { volumes, volumes_and_pictures };

/// The images of a folder, one level deep, sorted by name. Hidden files, whose names begin with ".", such as
/// those that macOS leaves ("._scan.nii.gz"), are skipped. So are companions of images: .json, .bval, .bvec,
/// .tsv, .csv, .html, the voxels of detached headers, and README, LICENSE and CHANGES. `notice` (may be
/// empty) gets one sentence that names the other files and the folders that are ignored. Throws Error for a
/// folder that cannot be read or holds no image.
std::vector<std::filesystem::path> images_of_folder(const std::filesystem::path& folder, FolderImages kind,
                                                    const Notice& notice);

}  // namespace dnsp::imaging
