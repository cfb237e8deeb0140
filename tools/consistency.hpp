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
    std::string report;           ///< a line for the user
    double relative_error = 0.0;  ///< root mean square, as a share of the input's intensity range
    std::optional<imaging::Volume> difference;  ///< absolute, on the grid of the input
};

/// Whether a result of the upscaler can be acquired again: it assumes a linear acquisition.
bool can_check_consistency(const ImageUpscaler& upscaler);

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
