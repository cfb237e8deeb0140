#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace dnsp {

/// A file of JSON objects, one a line, each with an "event". A resumed run first drops the lines of steps
/// that its checkpoint had not seen, so that the log reads like that of an uninterrupted run.
class RunLog {
  public:
    /// keep_steps < 0 starts an empty log; otherwise lines with "step" > keep_steps are dropped, and a torn
    /// last line.
    RunLog(const std::filesystem::path& path, std::int64_t keep_steps);
    void write(const nlohmann::json& line);

  private:
    std::filesystem::path path_;
    std::ofstream out_;
};

}  // namespace dnsp
