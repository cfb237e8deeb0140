#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "imaging/normalisation.hpp"
#include "imaging/volume.hpp"
#include "inference/image_upscaler.hpp"

namespace dnsp::tools {

/// The voxel values of a volume as float32 on its grid, whatever type its file has.
imaging::Volume as_float(const imaging::Volume& volume);

/// Whether a result agrees with the input (imaging/consistency.hpp).
struct Consistency {
    std::string report;                         ///< a line for the user
    std::optional<imaging::Volume> difference;  ///< absolute, on the grid of the input
};

/// Acquires a result again and compares it with the input `low`. `correct`: first projects the result onto
/// those that agree within the noise of the acquisition. `output`: name of the result, for the report. Throws
/// Error if the upscaler assumes no linear acquisition.
Consistency check_consistency(const ImageUpscaler& upscaler, const imaging::Volume& low, int axis,
                              bool correct, const std::filesystem::path& output, imaging::Volume& high);
/// The same for a picture; without the difference.
Consistency check_consistency(const ImageUpscaler& upscaler, const imaging::Image& low,
                              const imaging::Normalisation& range, bool correct,
                              const std::filesystem::path& output, imaging::Image& high);

}  // namespace dnsp::tools
