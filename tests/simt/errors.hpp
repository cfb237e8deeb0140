#pragma once

#include <string>

#include "base/error.hpp"
#include "tests/catch.hpp"

namespace dnsp::testing {

/// The message of the dnsp::Error that `body` throws; empty if it throws none.
template <class Body>
std::string error_of(Body body) {
    try {
        body();
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

inline bool contains(const std::string& text, const std::string& part) {
    INFO("\"" << text << "\" should contain \"" << part << "\"");
    const bool found = text.find(part) != std::string::npos;
    CHECK(found);
    return found;
}

}  // namespace dnsp::testing
