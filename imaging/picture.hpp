#pragma once

#include <filesystem>

#include "imaging/image.hpp"

namespace dnsp::imaging {

/// A grey picture and the bit depth it was stored with.
struct Picture {
    Image image;   ///< stored values, 0 … 2^bits − 1
    int bits = 8;  ///< 8 or 16
};

/// True for .png, .jpg and .jpeg (any case).
bool is_picture_path(const std::filesystem::path& path);

/// Reads a PNG (8 or 16 bit) or JPEG by stb_image. Colour becomes luma unless it is grey already.
/// Throws FileError for unreadable, truncated or empty files and for a constant picture.
Picture read_picture(const std::filesystem::path& path);

/// Writes a grey PNG (8 or 16 bit) or, by name, a JPEG (8 bit), through an AtomicFile; values are rounded and
/// clamped.
void write_picture(const std::filesystem::path& path, const Picture& picture);

}  // namespace dnsp::imaging
