#pragma once

#include <filesystem>

#include "imaging/image.hpp"

namespace dnsp::imaging {

/// A grey picture and the bit depth of its file.
struct Picture {
    Image image;   ///< stored values, 0 … 2^bits − 1
    int bits = 8;  ///< 8 or 16
};

/// True for .png, .jpg and .jpeg (any case).
bool is_picture_path(const std::filesystem::path& path);

/// Reads a PNG (8 or 16 bit) or JPEG by stb_image. Colour is converted to luma; grey pixels keep their value.
/// Throws FileError for unreadable, truncated or empty files and for a constant picture.
Picture read_picture(const std::filesystem::path& path);

/// Writes a grey PNG (8 or 16 bit) or JPEG (8 bit), depending on the extension, through an AtomicFile. Values
/// are rounded and clamped.
void write_picture(const std::filesystem::path& path, const Picture& picture);

}  // namespace dnsp::imaging
