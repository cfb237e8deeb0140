#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/number_or_range.hpp"
#include "imaging/scan_statistics.hpp"

namespace dnsp {

/// The low-resolution scans that a network was trained on. Weights record them (dnsp.seen).
struct SeenScans {
    NumberOrRange pixel_mm;           ///< of scans with known pixels; 0: of none
    NumberOrRange noise;              ///< imaging::ScanStatistics::noise
    std::vector<double> histogram;    ///< mean over scans; empty: nothing is known
    double histogram_distance = 0.0;  ///< largest distance of a scan from the mean
    /// Mean of imaging::ScanStatistics::fine_detail_db; none in older files.
    std::optional<double> fine_detail_db = {};
};

SeenScans seen_scans(const std::vector<imaging::ScanStatistics>& scans);

nlohmann::json to_json(const SeenScans& seen);
/// Throws Error for JSON of another form.
SeenScans seen_scans_of(const nlohmann::json& json);

/// In what a scan lies outside of what the training saw, one phrase each: pixels more than 15 % larger or
/// smaller, noise half as large again, a histogram half as far again from the mean. Empty if in nothing, or
/// if `seen` is empty.
std::vector<std::string> differences(const SeenScans& seen, const imaging::ScanStatistics& scan);

}  // namespace dnsp
