#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace dnsp {

/// A file of JSON objects, one a line, each with an "event".
class RunLog {
  public:
    /// keep_steps < 0 starts an empty log. Otherwise lines with "step" > keep_steps and an incomplete last
    /// line are removed, so that the log of a resumed run equals that of an uninterrupted one.
    RunLog(const std::filesystem::path& path, std::int64_t keep_steps);
    void write(const nlohmann::json& line);

  private:
    std::filesystem::path path_;
    std::ofstream out_;
};

}  // namespace dnsp
