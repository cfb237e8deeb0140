// Readers of pictures, PNG and JPEG. What a reader accepts must be a picture that can be written as PNG and
// read back.
#include <zlib.h>

#include <cstring>

#include "imaging/picture.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace dnsp::fuzz {
namespace {

constexpr std::size_t largest_round_trip = 1 << 16;  // pixels

void check_size(const imaging::Image& image, const imaging::Image& like) {
    expect(image.height == like.height && image.width == like.width, "a colour channel of another size");
    expect(image.pixels.size() == like.pixels.size(), "a channel with another number of pixels");
}

void read_file(InputFile& file, Bytes bytes) {
    const auto& path = file.write(bytes);
    imaging::Picture picture;
    if (!accepts([&] { picture = imaging::read_picture(path); })) return;
    const imaging::Image& image = picture.image;
    expect(image.height >= 1 && image.width >= 1, "a picture without pixels");
    expect(
        image.pixels.size() == static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width),
        "the number of pixels is not that of the header");
    expect(picture.bits == 8 || picture.bits == 16, "a depth of neither 8 nor 16 bits");
    const float most = picture.bits == 8 ? 255.0F : 65535.0F;
    for (const float value : image.pixels)
        expect(value >= 0.0F && value <= most, "a value outside of the bit depth");
    if (picture.has_color()) {
        check_size(picture.cb, image);
        check_size(picture.cr, image);
    }
    if (image.pixels.size() > largest_round_trip || picture.has_color()) return;
    const auto copy = file.folder() / "copy.png";
    imaging::write_picture(copy, picture);
    expect(imaging::read_picture(copy).image.pixels == image.pixels,
           "a picture that was written has other values");
    std::filesystem::remove(copy);
}

template <const char* name>
void run(Bytes bytes) {
    static InputFile file(name);
    read_file(file, bytes);
}

std::uint32_t big_endian_32(const std::uint8_t* at) {
    return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 |
           std::uint32_t{at[3]};
}

/// Corrects the checksums of the chunks, so that changes reach the decoder.
std::size_t mutate_png(std::uint8_t* bytes, std::size_t size, std::size_t largest, unsigned seed,
                       Mutation mutation) {
    size = mutation(bytes, size, largest);
    if (seed % 8 == 0) return size;
    for (std::size_t at = 8; at + 12 <= size;) {
        const std::size_t length = big_endian_32(bytes + at);
        if (length > size - at - 12) break;
        const auto checksum = static_cast<std::uint32_t>(crc32_z(0, bytes + at + 4, length + 4));
        for (std::size_t i = 0; i < 4; ++i)
            bytes[at + 8 + length + i] = static_cast<std::uint8_t>(checksum >> (24 - 8 * i));
        at += 12 + length;
    }
    return size;
}

constexpr char png[] = "input.png", jpeg[] = "input.jpg";
const FuzzTargetRegistration png_target{{"png", run<png>, mutate_png}};
const FuzzTargetRegistration jpeg_target{{"jpeg", run<jpeg>, nullptr}};

}  // namespace
}  // namespace dnsp::fuzz
