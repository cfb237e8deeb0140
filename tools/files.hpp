#pragma once

#include <filesystem>
#include <optional>

#include "imaging/volume.hpp"

namespace dnsp::tools {

/// The JSON file that belongs to an image: "scan.nii.gz" → "scan.json".
std::filesystem::path sidecar_path(const std::filesystem::path& image);

/// Throws Error if the folder of `output` does not exist, or if `output` exists and `force` is false, and
/// FileError if no file can be created there or no format of volumes is written to such a name: before a
/// computation, not after it.
void require_free(const std::filesystem::path& output, bool force);

enum class ImageKind { volume, picture };
/// The kind by the extension of the name. Throws Error for an unsupported extension.
ImageKind image_kind(const std::filesystem::path& path);

/// imaging::read_volume(). The error for a file of several volumes names the option --volume.
imaging::Volume read_volume(const std::filesystem::path& path, std::optional<int> volume);

}  // namespace dnsp::tools
