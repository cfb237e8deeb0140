#pragma once

#include <functional>
#include <string>

namespace dnsp {

/// `subject`: a path. `text`: one sentence, without a full stop.
using WarningHandler = std::function<void(const std::string& subject, const std::string& text)>;

/// Sets what warn() calls. Until then it does nothing.
void set_warning_handler(WarningHandler handler);

/// Reports what the user of a file should know and what is no error: something was changed, guessed or
/// ignored. A warning that was reported before is not repeated. May be called from several threads.
void warn(const std::string& subject, const std::string& text);

}  // namespace dnsp
