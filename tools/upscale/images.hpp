#pragma once

#include <optional>
#include <string>

#include "inference/image_upscaler.hpp"
#include "tools/upscale/choice.hpp"
#include "tools/upscale/options.hpp"
#include "tools/upscale/record.hpp"

namespace dnsp::tools {

/// What is written for a file.
struct UpscaleResult {
    ImageContents image = {};
    std::optional<imaging::Volume> consistency = {}, spread = {};
    std::string report = {};  ///< printed before the line of the image
    UpscaleOrigin origin;
    std::optional<imaging::Volume> input = {};               ///< for the report
    std::shared_ptr<const imaging::DicomSource> dicom = {};  ///< if the result is to be a DICOM series
};

/// The job of an input that is one file. With --bids the output is a folder, and the name is bids_name().
UpscaleJob single_job(const UpscaleOptions& options);

/// Reads the input of a job. Throws Error for an output of another kind or one that cannot be written.
InputImage read_input(const UpscaleOptions& options, const UpscaleJob& job);

/// Enlarges an image by what was read from the file `weights`, if from one. Prints in which direction, and
/// warnings. Throws Error after an interrupt.
UpscaleResult enlarge(const ChosenUpscaler& chosen, const UpscaleOptions& options, const UpscaleJob& job,
                      InputImage input);

/// Writes the files of a result and returns the lines that report them.
std::string write_result(const UpscaleOptions& options, const UpscaleJob& job, const UpscaleResult& result);

/// Enlarges the input: a file, a DICOM series, or a folder of files. While one file is computed, the next one
/// is read and the previous one is written. In a folder, continues after a file that fails, and throws Error
/// at the end if any did.
void upscale_input(UpscalerChoice& choice, const UpscaleOptions& options);

}  // namespace dnsp::tools
