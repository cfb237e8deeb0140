#include "imaging/picture_integrity.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace dnsp::imaging {
namespace {

using Bytes = std::span<const std::byte>;

unsigned byte_at(Bytes bytes, std::size_t i) { return std::to_integer<unsigned>(bytes[i]); }

std::uint32_t big_endian_32(Bytes bytes, std::size_t i) {
    return byte_at(bytes, i) << 24 | byte_at(bytes, i + 1) << 16 | byte_at(bytes, i + 2) << 8 |
           byte_at(bytes, i + 3);
}

constexpr std::array<unsigned char, 8> png_signature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

bool starts_png(Bytes file) {
    return file.size() >= png_signature.size() &&
           std::memcmp(file.data(), png_signature.data(), png_signature.size()) == 0;
}

bool starts_jpeg(Bytes file) {
    return file.size() >= 2 && byte_at(file, 0) == 0xff && byte_at(file, 1) == 0xd8;
}

/// Chunks are length, type, data, CRC of type and data.
std::string png_damage(Bytes file) {
    constexpr std::size_t frame = 12;
    for (std::size_t at = png_signature.size(); file.size() - at >= frame;) {
        const std::size_t length = big_endian_32(file, at);
        if (length > file.size() - at - frame) break;
        const auto* type = reinterpret_cast<const Bytef*>(file.data() + at + 4);
        const auto checksum = crc32_z(crc32_z(0, nullptr, 0), type, length + 4);
        if (checksum != big_endian_32(file, at + 8 + length)) return "damaged PNG, a checksum does not match";
        if (std::memcmp(type, "IEND", 4) == 0) return "";
        at += frame + length;
    }
    return "truncated PNG";
}

/// Tables of a Huffman segment: class and number (1 byte), the number of codes of 1 … 16 bits (16 bytes), a
/// symbol of one byte for each code. A table has at most 256 codes, and no more of a length than its bits
/// allow; decoders rely on it.
bool has_valid_huffman_tables(Bytes segment) {
    constexpr std::size_t lengths = 16, largest_table = 256;
    while (!segment.empty()) {
        if (segment.size() < 1 + lengths) return false;
        std::size_t codes = 0;
        std::int64_t unused = 1;  // codes of the present length that no shorter code begins
        for (std::size_t length = 1; length <= lengths; ++length) {
            const unsigned count = byte_at(segment, length);
            codes += count;
            unused = 2 * unused - static_cast<std::int64_t>(count);
            if (unused < 0) return false;
        }
        if (codes > largest_table || segment.size() < 1 + lengths + codes) return false;
        segment = segment.subspan(1 + lengths + codes);
    }
    return true;
}

/// Segments are ff, marker, length, data. Entropy-coded data follow a start of scan; they contain no markers
/// except restarts (d0 … d7) and stuffed zeros.
std::string jpeg_damage(Bytes file) {
    constexpr unsigned end_of_image = 0xd9, start_of_scan = 0xda, huffman_tables = 0xc4;
    std::size_t at = 2;
    while (file.size() - at >= 2) {
        if (byte_at(file, at) != 0xff) return "damaged JPEG";
        const unsigned marker = byte_at(file, at + 1);
        if (marker == end_of_image) return "";
        if (marker == 0xff) {
            ++at;
            continue;
        }
        if (file.size() - at < 4) break;
        const std::size_t length = byte_at(file, at + 2) << 8 | byte_at(file, at + 3);
        if (length > file.size() - at - 2) break;
        if (length < 2) return "damaged JPEG";
        if (marker == huffman_tables && !has_valid_huffman_tables(file.subspan(at + 4, length - 2)))
            return "damaged JPEG, a Huffman table has too many codes";
        at += 2 + length;
        if (marker != start_of_scan) continue;
        while (file.size() - at >= 2) {
            const unsigned next = byte_at(file, at + 1);
            if (byte_at(file, at) == 0xff && next != 0 && next != 0xff && (next < 0xd0 || next > 0xd7)) break;
            ++at;
        }
    }
    return "truncated JPEG";
}

}  // namespace

std::string picture_damage(Bytes file) {
    if (starts_png(file)) return png_damage(file);
    if (starts_jpeg(file)) return jpeg_damage(file);
    return "neither a PNG nor a JPEG file";
}

}  // namespace dnsp::imaging
