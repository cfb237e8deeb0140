#pragma once

#include <string>

namespace dnsp::tools {

/// Makes standard output and standard error safe to write to. Files that the program opens never get the
/// number of a standard stream that was closed. A reader that goes away does not end the program. Text that
/// cannot be written does not either: printing never throws.
void guard_standard_streams();

/// Writes out what is buffered. Returns "standard output: reason", or of standard error, if text was lost
/// since guard_standard_streams(); empty otherwise.
std::string lost_text();

}  // namespace dnsp::tools
