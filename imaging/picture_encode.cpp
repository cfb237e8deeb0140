#include "imaging/picture_encode.hpp"

#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <cstdio>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

#include "base/error.hpp"

namespace dnsp::imaging {
namespace {

constexpr int jpeg_quality = 95;

unsigned rounded(double value, double gain, unsigned largest) {
    return static_cast<unsigned>(std::lround(std::clamp(gain * value, 0.0, static_cast<double>(largest))));
}

int channels_of(const Picture& picture) { return picture.has_color() ? 3 : 1; }

/// Calls visit for the stored values of all pixels: grey, or red, green and blue.
template <class Visit>
void visit_samples(const Picture& picture, Visit visit) {
    for (std::size_t i = 0; i < picture.image.pixels.size(); ++i) {
        const double luma = picture.image.pixels[i];
        if (!picture.has_color()) {
            visit(luma);
            continue;
        }
        const double red = luma + 1.402 * picture.cr.pixels[i], blue = luma + 1.772 * picture.cb.pixels[i];
        visit(red);
        visit((luma - 0.299 * red - 0.114 * blue) / 0.587);
        visit(blue);
    }
}

void append(std::vector<std::byte>& file, const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    file.insert(file.end(), bytes, bytes + size);
}

struct PngOutput {
    std::vector<std::byte>* file = nullptr;
    std::array<char, 160> failure{};
};

void png_write_bytes(png_structp png, png_bytep data, std::size_t size) {
    // Exceptions must not pass through libpng.
    try {
        append(*static_cast<PngOutput*>(png_get_io_ptr(png))->file, data, size);
    } catch (...) {
        png_error(png, "out of memory");
    }
}

void png_flush_bytes(png_structp) {}

void png_failed(png_structp png, png_const_charp message) {
    auto& failure = static_cast<PngOutput*>(png_get_error_ptr(png))->failure;
    std::snprintf(failure.data(), failure.size(), "%s", message);
    png_longjmp(png, 1);
}

void png_warned(png_structp, png_const_charp) {}

/// Must not own resources: on an error libpng leaves the function by longjmp.
bool encode_rows(png_structp png, png_infop info, const Picture& picture, png_bytep pixels,
                 PngOutput& output) {
    if (setjmp(png_jmpbuf(png))) return false;
    png_set_write_fn(png, &output, png_write_bytes, png_flush_bytes);
    const auto height = static_cast<png_uint_32>(picture.image.height);
    const auto width = static_cast<png_uint_32>(picture.image.width);
    png_set_IHDR(png, info, width, height, picture.bits,
                 picture.has_color() ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    const std::size_t row_bytes =
        static_cast<std::size_t>(width) * static_cast<std::size_t>(channels_of(picture) * picture.bits / 8);
    for (png_uint_32 y = 0; y < height; ++y) png_write_row(png, pixels + y * row_bytes);
    png_write_end(png, info);
    return true;
}

}  // namespace

std::vector<std::byte> encode_png(const Picture& picture, const std::string& subject) {
    std::vector<png_byte> pixels;
    visit_samples(picture, [&](double value) {
        const unsigned stored = rounded(value, 1.0, picture.bits == 16 ? 65535 : 255);
        if (picture.bits == 16) pixels.push_back(static_cast<png_byte>(stored >> 8));
        pixels.push_back(static_cast<png_byte>(stored & 0xff));
    });
    std::vector<std::byte> file;
    PngOutput output{&file, {}};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &output, png_failed, png_warned);
    png_infop info = png != nullptr ? png_create_info_struct(png) : nullptr;
    const bool encoded = info != nullptr && encode_rows(png, info, picture, pixels.data(), output);
    png_destroy_write_struct(&png, &info);
    require(encoded, subject, std::string("PNG compression failed: ") + output.failure.data());
    return file;
}

std::vector<std::byte> encode_jpeg(const Picture& picture, const std::string& subject) {
    const double gain = picture.bits == 16 ? 255.0 / 65535.0 : 1.0;
    std::vector<std::uint8_t> pixels;
    visit_samples(picture, [&](double value) {
        pixels.push_back(static_cast<std::uint8_t>(rounded(value, gain, 255)));
    });
    std::vector<std::byte> file;
    const auto collect = [](void* target, void* data, int size) {
        append(*static_cast<std::vector<std::byte>*>(target), data, static_cast<std::size_t>(size));
    };
    const int encoded = stbi_write_jpg_to_func(collect, &file, picture.image.width, picture.image.height,
                                               channels_of(picture), pixels.data(), jpeg_quality);
    require(encoded != 0, subject, "JPEG compression failed");
    return file;
}

}  // namespace dnsp::imaging
