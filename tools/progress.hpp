#pragma once

#include <chrono>
#include <string>

namespace dnsp::tools {

/// A line on the terminal that is redrawn at most ten times a second. Shows nothing if standard error is not
/// a terminal.
class ProgressLine {
  public:
    ProgressLine();
    ~ProgressLine();
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    bool on_terminal() const { return on_terminal_; }
    /// "[█████     ] 50 %  text"
    void show(double fraction, const std::string& text);
    /// Removes the line, so that other output can follow.
    void clear();

  private:
    bool on_terminal_;
    bool visible_ = false;
    std::chrono::steady_clock::time_point last_{};
};

/// "1:02:03" or "4:05".
std::string duration_text(double seconds);

}  // namespace dnsp::tools
