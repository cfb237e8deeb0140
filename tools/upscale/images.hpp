#pragma once

#include <string>

#include "tools/upscale/choice.hpp"
#include "tools/upscale/enlarge.hpp"
#include "tools/upscale/options.hpp"

namespace dnsp::tools {

/// Reads the input of a job. Throws Error for an output of another kind or one that cannot be written.
InputImage read_input(const UpscaleOptions& options, const UpscaleJob& job);

/// Writes the files of a result and returns the lines that report them.
std::string write_result(const UpscaleOptions& options, const UpscaleJob& job, const UpscaleResult& result);

/// Enlarges the input: a file, a DICOM series, or a folder of files. While one file is computed, the next one
/// is read and the previous one is written. In a folder, continues after a file that fails, and throws Error
/// at the end if any did.
void upscale_input(UpscalerChoice& choice, const UpscaleOptions& options);

}  // namespace dnsp::tools
