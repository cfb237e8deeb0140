#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "imaging/picture.hpp"

namespace dnsp::imaging {

/// The bytes of a PNG or JPEG file, grey or RGB. `subject` names the file in messages.
std::vector<std::byte> encode_png(const Picture& picture, const std::string& subject);
std::vector<std::byte> encode_jpeg(const Picture& picture, const std::string& subject);

}  // namespace dnsp::imaging
