#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace dnsp::imaging {

/// Checks that a PNG or JPEG file is complete and its PNG checksums match, because stb_image does not.
/// Returns a description of the damage; empty for an intact file.
std::string picture_damage(std::span<const std::byte> file);

}  // namespace dnsp::imaging
