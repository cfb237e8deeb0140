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
#include "imaging/file_names.hpp"
#include "imaging/input_file.hpp"
#include "imaging/picture_encode.hpp"
#include "imaging/picture_integrity.hpp"

namespace dnsp::imaging {
namespace {

std::string lower_extension(const std::filesystem::path& path) {
    return lower_case(path.extension().string());
}

/// Grey or ITU-R BT.601 luma; an alpha channel is left out.
template <class Sample>
Image grey_image(const Sample* samples, int height, int width, int channels) {
    Image image(height, width);
    for (float& pixel : image.pixels) {
        const bool grey = channels < 3 || (samples[0] == samples[1] && samples[1] == samples[2]);
        pixel = grey ? static_cast<float>(samples[0])
                     : static_cast<float>(0.299 * samples[0] + 0.587 * samples[1] + 0.114 * samples[2]);
        samples += channels;
    }
    return image;
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
    Picture picture;
    picture.bits = stbi_is_16_bit_from_memory(bytes, size) != 0 ? 16 : 8;
    const std::unique_ptr<void, void (*)(void*)> samples(
        picture.bits == 16
            ? static_cast<void*>(stbi_load_16_from_memory(bytes, size, &width, &height, &channels, 0))
            : static_cast<void*>(stbi_load_from_memory(bytes, size, &width, &height, &channels, 0)),
        stbi_image_free);
    if (samples == nullptr)
        throw FileError(fmt::format("{}: cannot be decoded: {}", name, stbi_failure_reason()));
    picture.image =
        picture.bits == 16
            ? grey_image(static_cast<const std::uint16_t*>(samples.get()), height, width, channels)
            : grey_image(static_cast<const std::uint8_t*>(samples.get()), height, width, channels);
    const auto& pixels = picture.image.pixels;
    require(!std::all_of(pixels.begin(), pixels.end(), [&](float x) { return x == pixels.front(); }), name,
            fmt::format("every pixel is {}", pixels.front()));
    return picture;
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
    require(std::all_of(image.pixels.begin(), image.pixels.end(), [](float x) { return std::isfinite(x); }),
            name, "not written, a pixel is NaN or infinite");
    const bool png = lower_extension(path) == ".png";
    const auto bytes = png ? encode_png(picture, name) : encode_jpeg(picture, name);
    AtomicFile file(path);
    file.write(bytes);
    file.commit();
}

}  // namespace dnsp::imaging
