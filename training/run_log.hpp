#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace dnsp {

/// The step of a line, an object; 0 if it has none. Throws Error for a step that is no integer.
std::int64_t logged_step(const nlohmann::json& line);

/// A file of JSON objects, one per line. Every object has the key "event".
class RunLog {
  public:
    /// keep_steps < 0: starts an empty log. Otherwise removes lines with "step" > keep_steps and an
    /// incomplete last line; the log of a resumed run then continues as without interruption.
    RunLog(const std::filesystem::path& path, std::int64_t keep_steps);
    void write(const nlohmann::json& line);

  private:
    std::filesystem::path path_;
    std::ofstream out_;
};

}  // namespace dnsp
