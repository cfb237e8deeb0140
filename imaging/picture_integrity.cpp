#include "imaging/picture_integrity.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <set>

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

/// The Huffman tables that a JPEG has defined so far, by class (0 DC, 1 AC) and number. Decoders do not check
/// that a scan uses no other ones, nor that a table has at most 256 codes and no more of a length than its
/// bits allow.
class HuffmanTables {
  public:
    /// The content of a segment DHT: for each table class and number (1 byte), the number of codes of 1 … 16
    /// bits (16 bytes), a symbol of one byte for each code. Returns false for an impossible table.
    bool define(Bytes segment) {
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
            defined_.insert(byte_at(segment, 0));
            segment = segment.subspan(1 + lengths + codes);
        }
        return true;
    }
    /// The content of a segment SOS: number of components, for each its number and those of its DC and AC
    /// tables (4 bits each), first and last coefficient, bits. Returns false if a table is not defined.
    bool suffice(Bytes scan, bool progressive) const {
        if (scan.empty()) return false;
        const std::size_t components = byte_at(scan, 0);
        if (scan.size() < 1 + 2 * components + 3) return false;
        const bool has_dc = !progressive || byte_at(scan, 1 + 2 * components) == 0;
        const bool has_ac = !progressive || byte_at(scan, 2 + 2 * components) > 0;
        for (std::size_t i = 0; i < components; ++i) {
            const unsigned tables = byte_at(scan, 2 + 2 * i);
            if (has_dc && !defined_.contains(tables >> 4)) return false;
            if (has_ac && !defined_.contains(ac_class | (tables & 0xf))) return false;
        }
        return true;
    }

  private:
    static constexpr std::size_t lengths = 16, largest_table = 256;
    static constexpr unsigned ac_class = 0x10;
    std::set<unsigned> defined_;
};

/// Segments are ff, marker, length, data. Entropy-coded data follow a start of scan; they contain no markers
/// except restarts (d0 … d7) and stuffed zeros.
std::string jpeg_damage(Bytes file) {
    constexpr unsigned end_of_image = 0xd9, start_of_scan = 0xda, define_tables = 0xc4,
                       progressive_frame = 0xc2;
    HuffmanTables tables;
    bool progressive = false;
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
        const Bytes segment = file.subspan(at + 4, length - 2);
        if (marker == progressive_frame) progressive = true;
        if (marker == define_tables && !tables.define(segment))
            return "damaged JPEG, a Huffman table has too many codes";
        if (marker == start_of_scan && !tables.suffice(segment, progressive))
            return "damaged JPEG, a scan lacks a Huffman table";
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
