#include "imaging/picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>

#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#include <stb/stb_image.h>

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "base/warning.hpp"
#include "imaging/file_names.hpp"
#include "imaging/gzip_file.hpp"
#include "imaging/input_file.hpp"
#include "imaging/picture_encode.hpp"
#include "imaging/picture_integrity.hpp"
#include "imaging/resample.hpp"

namespace dnsp::imaging {
namespace {

/// Deflate compresses a byte of PNG, at least one pixel of 1 bit in 8, into 1/1032; a pixel of JPEG takes
/// more.
constexpr std::uintmax_t most_pixels_per_byte = 8 * largest_compression;

std::string lower_extension(const std::filesystem::path& path) {
    return lower_case(path.extension().string());
}

/// Fills image, colour and notes.
template <class Sample>
void set_pixels(Picture& picture, const Sample* samples, int height, int width, int channels) {
    picture.image = picture.cb = picture.cr = Image(height, width);
    const bool has_alpha = channels == 2 || channels == 4;
    bool has_color = false, is_opaque = true;
    for (std::size_t i = 0; i < picture.image.pixels.size(); ++i, samples += channels) {
        is_opaque = is_opaque && (!has_alpha || samples[channels - 1] == std::numeric_limits<Sample>::max());
        picture.image.pixels[i] = static_cast<float>(samples[0]);
        if (channels < 3 || (samples[0] == samples[1] && samples[1] == samples[2])) continue;
        has_color = true;
        const double luma = 0.299 * samples[0] + 0.587 * samples[1] + 0.114 * samples[2];
        picture.image.pixels[i] = static_cast<float>(luma);
        picture.cb.pixels[i] = static_cast<float>((samples[2] - luma) / 1.772);
        picture.cr.pixels[i] = static_cast<float>((samples[0] - luma) / 1.402);
    }
    if (!has_color) picture.cb = picture.cr = {};
    if (!is_opaque) picture.notes.emplace_back("transparency (the alpha channel) is left out");
}

}  // namespace

bool is_picture_path(const std::filesystem::path& path) {
    const std::string extension = lower_extension(path);
    return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

Picture read_picture(const std::filesystem::path& path) {
    const std::string name = path.string();
    const std::vector<std::byte> file = read_input_file(path);
    require(file.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()), name,
            "too large a file");
    const std::string damage = picture_damage(file);
    require(damage.empty(), name, damage);

    const auto* bytes = reinterpret_cast<const stbi_uc*>(file.data());
    const int size = static_cast<int>(file.size());
    int width = 0;
    int height = 0;
    int channels = 0;
    require(stbi_info_from_memory(bytes, size, &width, &height, &channels) != 0, name, "cannot be decoded");
    require(static_cast<std::uintmax_t>(width) * static_cast<std::uintmax_t>(height) <=
                most_pixels_per_byte * file.size(),
            name, fmt::format("damaged header, {}×{} pixels in {} bytes", width, height, file.size()));
    Picture picture;
    picture.bits = stbi_is_16_bit_from_memory(bytes, size) != 0 ? 16 : 8;
    const std::unique_ptr<void, void (*)(void*)> samples(
        picture.bits == 16
            ? static_cast<void*>(stbi_load_16_from_memory(bytes, size, &width, &height, &channels, 0))
            : static_cast<void*>(stbi_load_from_memory(bytes, size, &width, &height, &channels, 0)),
        stbi_image_free);
    if (samples == nullptr)
        throw FileError(fmt::format("{}: cannot be decoded: {}", name, stbi_failure_reason()));
    if (picture.bits == 16)
        set_pixels(picture, static_cast<const std::uint16_t*>(samples.get()), height, width, channels);
    else
        set_pixels(picture, static_cast<const std::uint8_t*>(samples.get()), height, width, channels);
    const auto& pixels = picture.image.pixels;
    require(!std::all_of(pixels.begin(), pixels.end(), [&](float x) { return x == pixels.front(); }), name,
            fmt::format("every pixel is {}", pixels.front()));
    return picture;
}

Picture read_grey_picture(const std::filesystem::path& path) {
    Picture picture = read_picture(path);
    for (const std::string& note : picture.notes) warn(path.string(), note);
    if (picture.has_color()) warn(path.string(), "colour is converted to luma (ITU-R BT.601)");
    picture.cb = picture.cr = {};
    return picture;
}

void enlarge_color(Picture& high, const Picture& low, Phase phase) {
    if (!low.has_color()) return;
    const int scale = high.image.width / low.image.width;
    high.cb = enlarge_bicubic(low.cb, scale, phase);
    high.cr = enlarge_bicubic(low.cr, scale, phase);
}

void write_picture(const std::filesystem::path& path, const Picture& picture) {
    const std::string name = path.string();
    require(is_picture_path(path), name, "the name of a picture must end in .png, .jpg or .jpeg");
    require(picture.bits == 8 || picture.bits == 16, name,
            fmt::format("a picture has 8 or 16 bits, not {}", picture.bits));
    const Image& image = picture.image;
    require(image.height > 0 && image.width > 0 &&
                image.pixels.size() ==
                    static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width),
            name, fmt::format("cannot hold an image of {}×{}", image.height, image.width));
    for (const Image* color : {&picture.cb, &picture.cr})
        require(!picture.has_color() || color->pixels.size() == image.pixels.size(), name,
                "its colour has another size than its luma");
    require(std::all_of(image.pixels.begin(), image.pixels.end(), [](float x) { return std::isfinite(x); }),
            name, "not written, a pixel is NaN or infinite");
    const bool png = lower_extension(path) == ".png";
    const auto bytes = png ? encode_png(picture, name) : encode_jpeg(picture, name);
    AtomicFile file(path);
    file.write(bytes);
    file.commit();
}

}  // namespace dnsp::imaging
