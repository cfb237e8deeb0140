#pragma once

#include <concepts>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace dnsp {

/// JSON as text, on one line or with an indent. File names and options may hold bytes that are no UTF-8: each
/// becomes U+FFFD, because JSON cannot hold them.
template <class Json>
std::string json_text(const Json& json, int indent = -1) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// An integer of JSON. Throws Error for any other value, and for one that T cannot hold: get<T>() converts
/// these without a check.
template <std::integral T, class Json>
T whole_number(const Json& json) {
    const bool fits = json.is_number_unsigned()
                          ? std::in_range<T>(json.template get<typename Json::number_unsigned_t>())
                          : json.is_number_integer() &&
                                std::in_range<T>(json.template get<typename Json::number_integer_t>());
    require(fits, "[json] expected an integer, got " + json_text(json));
    return json.template get<T>();
}

}  // namespace dnsp
