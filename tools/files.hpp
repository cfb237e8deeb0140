#pragma once

#include <filesystem>

namespace dnsp::tools {

/// "scan.nii.gz" → "scan.json", the sidecar's name.
std::filesystem::path sidecar_path(const std::filesystem::path& image);

/// Refuses to go on where a file would be overwritten without --force, or its folder is not there.
void require_free(const std::filesystem::path& output, bool force);

/// NIfTI or picture by name; throws a sentence for anything else.
enum class ImageKind { volume, picture };
ImageKind image_kind(const std::filesystem::path& path);

}  // namespace dnsp::tools
