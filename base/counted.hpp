#pragma once

#include <cstddef>
#include <string>

namespace dnsp {

/// A number with its noun, for messages: "1 slice", "2 slices".
inline std::string counted(std::size_t n, const std::string& noun) {
    return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

}  // namespace dnsp
