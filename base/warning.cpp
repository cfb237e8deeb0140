#include "base/warning.hpp"

#include <mutex>
#include <set>
#include <utility>

namespace dnsp {
namespace {

std::mutex guard;
WarningHandler handler_of_warnings;
std::set<std::pair<std::string, std::string>> reported;

}  // namespace

void set_warning_handler(WarningHandler handler) {
    const std::lock_guard lock(guard);
    handler_of_warnings = std::move(handler);
}

void warn(const std::string& subject, const std::string& text) {
    const std::lock_guard lock(guard);
    if (handler_of_warnings && reported.emplace(subject, text).second) handler_of_warnings(subject, text);
}

}  // namespace dnsp
