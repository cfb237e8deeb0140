#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "imaging/image.hpp"
#include "imaging/volume.hpp"

namespace dnsp::imaging {

/// A picture and the bit depth of its file. Colour is that of ITU-R BT.601: luma Y = .299 R + .587 G + .114
/// B, Cb = (B − Y)/1.772, Cr = (R − Y)/1.402, in stored values.
struct Picture {
    Image image;                          ///< grey, or luma: stored values, 0 … 2^bits − 1
    int bits = 8;                         ///< 8 or 16
    Image cb = {};                        ///< of the size of `image`; empty for a grey picture
    Image cr = {};                        ///< likewise
    std::vector<std::string> notes = {};  ///< what the reader left out: sentences for the user

    bool has_color() const { return !cb.pixels.empty(); }
};

/// True for .png, .jpg and .jpeg (any case).
bool is_picture_path(const std::filesystem::path& path);

/// Reads a PNG (8 or 16 bit) or JPEG by stb_image. A picture whose pixels are all grey is grey, also if its
/// file has three channels; the pixels keep their value. An alpha channel is left out, with a note unless it
/// is opaque. Throws FileError for unreadable, truncated or empty files and for a picture of constant luma.
Picture read_picture(const std::filesystem::path& path);

/// As read_picture(), without colour: the luma. Reports by warn() that colour or transparency is left out.
Picture read_grey_picture(const std::filesystem::path& path);

/// Enlarges the colour of `low` to the size of the luma of `high`, an integer multiple, by Keys' cubic.
/// Nothing for a grey picture.
void enlarge_color(Picture& high, const Picture& low, Phase phase);

/// Writes a PNG (8 or 16 bit) or JPEG (8 bit), depending on the extension, through an AtomicFile: grey, or
/// RGB if the picture has colour. Values are rounded and clamped.
void write_picture(const std::filesystem::path& path, const Picture& picture);

}  // namespace dnsp::imaging
