#pragma once

#include <filesystem>

namespace dnsp::tools {

/// The sidecar of an image: "scan.nii.gz" → "scan.json".
std::filesystem::path sidecar_path(const std::filesystem::path& image);

/// Throws Error if the folder of `output` does not exist, or if `output` exists and `force` is false.
void require_free(const std::filesystem::path& output, bool force);

/// By the extension. Throws Error for an extension that is not supported.
enum class ImageKind { volume, picture };
ImageKind image_kind(const std::filesystem::path& path);

}  // namespace dnsp::tools
