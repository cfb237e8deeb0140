#pragma once

#include <filesystem>
#include <string>

// Names of image files. Extensions are compared without case: "SCAN.NII.GZ" is a NIfTI file.
namespace dnsp::imaging {

/// The text with A … Z in lower case.
std::string lower_case(std::string text);

/// True if the file name ends in `extension`, in lower case with its dot: ".nii.gz".
bool has_extension(const std::filesystem::path& path, const std::string& extension);

/// The file name without folders and extension; ".gz" and the extension before it count as one:
/// "a/scan.nii.gz" → "scan".
std::string name_without_extension(const std::filesystem::path& path);

}  // namespace dnsp::imaging
