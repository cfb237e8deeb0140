#pragma once

#include <vector>

#include "tools/upscale/options.hpp"

namespace dnsp::tools {

/// The job of an input that is one file. With --bids the output is a folder, and the name is bids_name().
UpscaleJob single_job(const UpscaleOptions& options);

/// The jobs of an input that is a folder: its images by name, or the shard of them that the user chose.
/// Throws Error for a folder without images, and for two images whose results would share a record.
std::vector<UpscaleJob> jobs_of_folder(const UpscaleOptions& options);

/// The jobs, ready to replace what an interrupted run left. With --skip-existing, without those that an
/// earlier run finished; prints how many.
std::vector<UpscaleJob> unfinished(std::vector<UpscaleJob> jobs, const UpscaleOptions& options);

/// Throws Error if two of the files that are written, or a written file and the input, are one file, and for
/// a folder that is both input and output: --force would destroy an input.
void require_separate_outputs(const UpscaleOptions& options);

}  // namespace dnsp::tools
