#pragma once

#include <stdexcept>
#include <string>

namespace dnsp {

/// What went wrong inside the engine: "[where] what, expected, got".
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A device has not the memory that was asked for: smaller batches or tiles may do.
struct OutOfMemory : Error {
    using Error::Error;
};

/// While a graph was being recorded, something was asked for that a graph cannot hold.
struct CaptureError : Error {
    using Error::Error;
};

/// What is wrong with a file or an image: "subject: reason", one sentence that a user can act on.
struct FileError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Throws Error unless the condition holds.
inline void require(bool condition, const std::string& message) {
    if (!condition) throw Error(message);
}

/// Throws FileError unless the condition holds. The subject is a path where there is one.
inline void require(bool condition, const std::string& subject, const std::string& reason) {
    if (!condition) throw FileError(subject + ": " + reason);
}

}  // namespace dnsp
