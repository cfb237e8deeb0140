#pragma once

#include <stdexcept>
#include <string>

namespace dnsp::imaging {

/// What is wrong with an image or a file, in one sentence a user can act on.
struct ImagingError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Throws ImagingError with "subject: reason" unless the condition holds; the subject is a path where
/// there is one.
inline void require(bool condition, const std::string& subject, const std::string& reason) {
    if (!condition) throw ImagingError(subject + ": " + reason);
}

}  // namespace dnsp::imaging
