#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tools/upscale/choice.hpp"
#include "tools/upscale/options.hpp"
#include "tools/upscale/record.hpp"

namespace dnsp::tools {

/// What is written for a file.
struct UpscaleResult {
    ImageContents image = {};
    Series consistency = {}, spread = {};  ///< empty unless asked for
    std::string report = {};               ///< printed before the line of the image
    UpscaleOrigin origin;
    std::optional<imaging::Volume> input = {};               ///< for the report
    std::shared_ptr<const imaging::DicomSource> dicom = {};  ///< if the result is to be a DICOM series
};

/// Enlarges an image, and the volumes of a series one by one. First prints in which direction, and warnings
/// about the image or the first volume. Throws Error after an interrupt.
UpscaleResult enlarge(const ChosenUpscaler& chosen, const UpscaleOptions& options, const UpscaleJob& job,
                      InputImage input);

}  // namespace dnsp::tools
