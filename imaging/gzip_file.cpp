#include "imaging/gzip_file.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/error.hpp"

namespace dnsp::imaging {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{1} << 20;
constexpr std::size_t buffer_bytes = std::size_t{1} << 18;
constexpr int gzip_format = 15 + 16;

}  // namespace

GzipReader::GzipReader(const std::filesystem::path& path) : file_(path), buffer_(buffer_bytes) {
    is_compressed_ = at_gzip_header();
    if (!is_compressed_) return;
    const int status = inflateInit2(&stream_, gzip_format);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    require(status == Z_OK, this->path(), "decompression cannot be started");
}

GzipReader::~GzipReader() {
    if (is_compressed_) inflateEnd(&stream_);
}

bool GzipReader::buffer(std::size_t bytes) {
    auto* const first = reinterpret_cast<Bytef*>(buffer_.data());
    if (stream_.avail_in >= bytes) return true;
    if (stream_.avail_in > 0) std::memmove(first, stream_.next_in, stream_.avail_in);
    stream_.next_in = first;
    stream_.avail_in +=
        static_cast<uInt>(file_.read(first + stream_.avail_in, buffer_.size() - stream_.avail_in));
    return stream_.avail_in >= bytes;
}

bool GzipReader::at_gzip_header() {
    return buffer(2) && stream_.next_in[0] == 0x1f && stream_.next_in[1] == 0x8b;
}

std::size_t GzipReader::read(void* target, std::size_t bytes) {
    if (is_compressed_) return inflate_to(target, bytes);
    const std::size_t buffered = std::min<std::size_t>(bytes, stream_.avail_in);
    if (buffered > 0) std::memcpy(target, stream_.next_in, buffered);
    stream_.next_in += buffered;
    stream_.avail_in -= static_cast<uInt>(buffered);
    return buffered + file_.read(static_cast<std::byte*>(target) + buffered, bytes - buffered);
}

std::size_t GzipReader::inflate_to(void* target, std::size_t bytes) {
    std::size_t done = 0;
    while (done < bytes && state_ == State::compressed) {
        if (!buffer(1)) {
            state_ = State::truncated;
            break;
        }
        const auto part = static_cast<uInt>(std::min(bytes - done, chunk_bytes));
        stream_.next_out = static_cast<Bytef*>(target) + done;
        stream_.avail_out = part;
        const int status = inflate(&stream_, Z_NO_FLUSH);
        if (status == Z_MEM_ERROR) throw std::bad_alloc();
        require(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR, path(),
                "damaged, its gzip data do not decompress or fail their checksum");
        done += part - stream_.avail_out;
        if (status != Z_STREAM_END) continue;
        // Another stream may follow. What else follows is ignored, as by gzip.
        if (at_gzip_header())
            inflateReset(&stream_);
        else
            state_ = State::ended;
    }
    return done;
}

void GzipReader::skip(std::int64_t bytes) {
    if (!is_compressed_) {
        const auto buffered = std::min<std::int64_t>(bytes, stream_.avail_in);
        stream_.next_in += buffered;
        stream_.avail_in -= static_cast<uInt>(buffered);
        if (bytes > buffered) file_.skip(bytes - buffered);
        return;
    }
    std::vector<std::byte> skipped(
        static_cast<std::size_t>(std::min<std::int64_t>(bytes, static_cast<std::int64_t>(chunk_bytes))));
    for (std::int64_t left = bytes; left > 0;) {
        const auto part =
            static_cast<std::size_t>(std::min<std::int64_t>(left, static_cast<std::int64_t>(skipped.size())));
        const std::size_t got = read(skipped.data(), part);
        if (got < part) return;
        left -= static_cast<std::int64_t>(got);
    }
}

std::vector<std::byte> GzipReader::read_rest(std::size_t most) {
    std::vector<std::byte> rest;
    const std::size_t chunk = std::min<std::uintmax_t>(chunk_bytes, most_bytes() + 1);
    for (std::size_t got = 1; got > 0 && rest.size() < most;) {
        const std::size_t start = rest.size();
        rest.resize(std::min(most, start + chunk));
        got = read(rest.data() + start, rest.size() - start);
        rest.resize(start + got);
    }
    return rest;
}

void GzipReader::require_checksum() {
    if (!is_compressed_) return;
    std::vector<std::byte> rest(chunk_bytes);
    while (read(rest.data(), rest.size()) > 0) continue;
    require(state_ != State::truncated, path(), "truncated, the end of the gzip stream is missing");
}

GzipWriter::GzipWriter(AtomicFile& file, bool compress, std::string path)
    : file_(file), compress_(compress), path_(std::move(path)), buffer_(std::size_t{1} << 18) {
    constexpr int memory_level = 8;
    // Level 1, as in NiBabel: higher levels hardly compress MR noise better and take several times as long.
    if (!compress_) return;
    const int status =
        deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, gzip_format, memory_level, Z_DEFAULT_STRATEGY);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    require(status == Z_OK, path_, "compression cannot be started");
}

GzipWriter::~GzipWriter() {
    if (compress_) deflateEnd(&stream_);
}

void GzipWriter::write(std::span<const std::byte> bytes) {
    if (!compress_) return file_.write(bytes);
    deflate_all(bytes, Z_NO_FLUSH);
}

void GzipWriter::finish() {
    if (compress_) deflate_all({}, Z_FINISH);
}

void GzipWriter::deflate_all(std::span<const std::byte> bytes, int flush) {
    // zlib does not write to its input, although the pointer is not const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
        stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
        stream_.avail_out = static_cast<uInt>(buffer_.size());
        require(deflate(&stream_, flush) != Z_STREAM_ERROR, path_, "compression failed");
        file_.write(std::span(buffer_).first(buffer_.size() - stream_.avail_out));
    } while (stream_.avail_out == 0);
}

}  // namespace dnsp::imaging
