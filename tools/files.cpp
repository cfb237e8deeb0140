#include "tools/files.hpp"

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "imaging/nifti.hpp"
#include "imaging/picture.hpp"

namespace dnsp::tools {

namespace fs = std::filesystem;

fs::path sidecar_path(const fs::path& image) {
    fs::path name = image;
    if (name.extension() == ".gz") name.replace_extension();
    return name.replace_extension(".json");
}

void require_free(const fs::path& output, bool force) {
    const fs::path folder = output.has_parent_path() ? output.parent_path() : fs::path(".");
    require(fs::is_directory(folder),
            folder.string() + ": no such folder; " + output.filename().string() + " cannot be written");
    require(!fs::is_directory(output), output.string() + ": is a folder, expected a file name");
    require(force || !fs::exists(output), output.string() + ": already exists; --force overwrites it");
    const AtomicFile probe(output);  // creates a file in the folder, and removes it
}

ImageKind image_kind(const fs::path& path) {
    if (imaging::is_nifti_path(path)) return ImageKind::volume;
    require(imaging::is_picture_path(path),
            path.string() + ": unsupported extension, expected .nii, .nii.gz, .png, .jpg or .jpeg");
    return ImageKind::picture;
}

imaging::Volume read_volume(const fs::path& path, std::optional<int> volume) {
    try {
        return imaging::read_nifti(path, volume);
    } catch (const imaging::VolumeNotChosen& error) {
        throw Error(std::string(error.what()) + " with --volume");
    }
}

}  // namespace dnsp::tools
