#include "tools/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/printable.hpp"

namespace dnsp::tools {
namespace {

constexpr int bar_cells = 10;
constexpr auto redraw_interval = std::chrono::milliseconds(100);

int terminal_columns() {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// The first `columns` characters of UTF-8 text.
std::string shortened(const std::string& text, int columns) {
    std::size_t i = 0;
    for (int count = 0; i < text.size(); ++i)
        if ((text[i] & 0xC0) != 0x80 && ++count > columns) break;
    return text.substr(0, i);
}

}  // namespace

ProgressLine::ProgressLine() : on_terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::show(double fraction, const std::string& text) {
    const auto now = std::chrono::steady_clock::now();
    if (!on_terminal_ || now - last_ < redraw_interval) return;
    last_ = now;
    const double clamped = std::clamp(fraction, 0.0, 1.0);
    const int full = static_cast<int>(clamped * bar_cells);
    std::string bar;
    for (int i = 0; i < bar_cells; ++i) bar += i < full ? "█" : "░";
    const std::string line = fmt::format("{} {:3.0f} % {}", bar, 100 * clamped, printable(text));
    fmt::print(stderr, "\r\033[K{}", shortened(line, terminal_columns() - 1));
    std::fflush(stderr);
    visible_ = true;
}

void ProgressLine::clear() {
    if (visible_) fmt::print(stderr, "\r\033[K");
    std::fflush(stderr);
    visible_ = false;
}

std::string duration_text(double seconds) {
    const auto total = static_cast<long>(std::max(0.0, seconds) + 0.5);
    if (total >= 3600) return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
    return fmt::format("{}:{:02}", total / 60, total % 60);
}

}  // namespace dnsp::tools
