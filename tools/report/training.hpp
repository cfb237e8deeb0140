#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace dnsp::tools {

/// What the page of a training run shows, read from its log and the folder samples/ beside it alone. Throws
/// Error("path: reason") if the log is missing or is not one of a run.
nlohmann::ordered_json training_report_data(const std::filesystem::path& log);

/// A page of HTML that needs no other file: curves over steps, sample pictures by epoch, settings, data,
/// warnings.
std::string training_report(const std::filesystem::path& log);

/// Throws Error unless a report can be written to `path`: before a training, not after it. `force`: an
/// existing file is replaced.
void require_report_path(const std::filesystem::path& path, bool force);

}  // namespace dnsp::tools
