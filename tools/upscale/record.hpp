#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "imaging/degradation.hpp"
#include "tools/upscale/options.hpp"

namespace dnsp::tools {

/// How a result was made.
struct UpscaleOrigin {
    std::filesystem::path weights = {};  ///< file of the network; empty for a method or --self
    std::optional<imaging::Degradation> acquisition = {};
    std::optional<double> consistency = {};  ///< Consistency::relative_error
    int axis = 2;                            ///< of the slices
    bool has_thinner_slices = false;         ///< than the input
    std::vector<std::string> warnings = {};  ///< that were printed
};

/// "DNSP 0.1.0 x2-good", for the header of a result.
std::string description_of(const UpscaleOrigin& origin);

/// The name of a result after BIDS: the entity rec-dnsp is added; a recording rec-x becomes rec-xdnsp.
/// "sub-01_run-1_T1w.nii.gz" → "sub-01_rec-dnsp_run-1_T1w.nii.gz"; a name without entities gets "_rec-dnsp".
std::string bids_name(const std::string& name);

/// The sidecar of a written result, sidecar_path(job.output), as written: the keys of the input's own
/// sidecar, with slice thickness and spacing corrected, then Sources and GeneratedBy of BIDS, and input,
/// output and weights with their SHA-256 digests, version, command, arguments, device, acquisition,
/// consistency.
nlohmann::ordered_json write_record(const UpscaleOptions& options, const UpscaleJob& job,
                                    const ImageContents& image, const UpscaleOrigin& origin);

/// Writes a record without a digest of the output, which says that the run has not finished. A later run
/// replaces what this one leaves if it is killed.
void start_record(const UpscaleJob& job);

/// Of the record beside the output of a job. A record of another input, and JSON that is no record, are
/// `other`.
enum class RecordState { none, unfinished, finished, other };
RecordState record_state(const UpscaleJob& job);

/// Repeats the run that a sidecar records, in a temporary folder, and compares the SHA-256 digests. Returns
/// the line that reports equality. Throws Error if input, weights or output differ, or if the run cannot be
/// repeated.
std::string verify_record(const std::filesystem::path& sidecar);

}  // namespace dnsp::tools
