#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace dnsp::imaging {

/// stb_image reads truncated JPEGs without complaint and skips PNG checksums. Empty when the file is a
/// whole PNG or JPEG, else what is wrong with it.
std::string picture_damage(std::span<const std::byte> file);

}  // namespace dnsp::imaging
