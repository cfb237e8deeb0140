#pragma once

#include <string>

namespace dnsp::simt::host {

/// The demangled name of the function or variable of this program that contains an address, from the symbol
/// table of the file; empty if there is none, as in a stripped program.
std::string symbol_name(const void* address);

}  // namespace dnsp::simt::host
