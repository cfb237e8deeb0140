#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "imaging/image.hpp"

namespace dnsp::tools {

/// The page with the style, the script and the data of all reports in place of @STYLE@, @SCRIPT@ and @DATA@.
/// The script's constant `data` is the data. The page needs no other file and may not load one.
std::string html_page(std::string page, const nlohmann::ordered_json& data);

/// A PNG of 8 bits as a data URL. `low` is black, `high` is white.
std::string png_url(imaging::Image image, float low, float high);

}  // namespace dnsp::tools
