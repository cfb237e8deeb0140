#pragma once

#include <stdexcept>
#include <string>

namespace dnsp {

/// What went wrong inside the engine: "[where] what, expected, got".
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline void require(bool condition, const std::string& message) {
    if (!condition) throw Error(message);
}

}  // namespace dnsp
