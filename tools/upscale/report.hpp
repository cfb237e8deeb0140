#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "imaging/volume.hpp"

namespace dnsp::tools {

/// What a report shows.
struct UpscaleReport {
    const imaging::Volume& input;
    const imaging::Volume& result;
    const imaging::Volume* difference = nullptr;  ///< consistency, on the input's grid
    const imaging::Volume* spread = nullptr;      ///< on the result's grid
    std::optional<double> consistency = {};       ///< Consistency::relative_error
    std::vector<std::string> warnings = {};
    std::vector<std::pair<std::string, std::string>> record = {};  ///< how it was made: names and values
};

/// A page of HTML that needs no other file: three orthogonal cuts with a movable border between input,
/// interpolation, result, difference and spread; zoom; histograms of the head; a table of the headers;
/// warnings.
std::string html_report(const UpscaleReport& report);

}  // namespace dnsp::tools
