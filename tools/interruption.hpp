#pragma once

#include <chrono>
#include <string>

namespace dnsp::tools {

/// Prepares the program for an early end, by a signal (SIGINT, SIGTERM, SIGHUP), by lack of memory where no
/// exception can pass, or by exit(): it leaves no unfinished file behind (base/unfinished.hpp) and says a
/// sentence that begins with `name`.
void prepare_for_early_end(const std::string& name);

/// After the first signal interrupted() is true, and the program ends by itself. If it has not ended after
/// `patience`, or at the second signal, it is ended. Before this call the first signal ends it.
void catch_interrupts(std::chrono::milliseconds patience);
bool interrupted();

/// For programs that have something to save.
inline constexpr std::chrono::milliseconds until_saved = std::chrono::hours(24);
/// For programs that only tidy up.
inline constexpr std::chrono::milliseconds until_tidy{500};

}  // namespace dnsp::tools
