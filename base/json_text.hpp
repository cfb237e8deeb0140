#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace dnsp {

/// JSON as text, on one line or with an indent. File names and options may hold bytes that are no UTF-8: each
/// becomes U+FFFD, because JSON cannot hold them.
template <class Json>
std::string json_text(const Json& json, int indent = -1) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace dnsp
