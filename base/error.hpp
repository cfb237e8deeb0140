#pragma once

#include <stdexcept>
#include <string>

namespace dnsp {

/// An error inside the engine: "[where] what, expected, got".
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Not enough memory on a device. Smaller batches or tiles may fit.
struct OutOfMemory : Error {
    using Error::Error;
};

/// An operation cannot be captured in a graph.
struct CaptureError : Error {
    using Error::Error;
};

/// An invalid file or image: "subject: reason", one sentence that a user can act on.
struct FileError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Throws Error unless the condition holds.
inline void require(bool condition, const std::string& message) {
    if (!condition) throw Error(message);
}

/// Throws FileError unless the condition holds. The subject is a path if there is one.
inline void require(bool condition, const std::string& subject, const std::string& reason) {
    if (!condition) throw FileError(subject + ": " + reason);
}

}  // namespace dnsp
