#include "imaging/gzip_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace dnsp::imaging {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{1} << 20;

}  // namespace

GzipReader::GzipReader(const std::filesystem::path& path)
    : path_(path.string()),
      file_bytes_(std::filesystem::file_size(path)),
      file_(gzopen(path.c_str(), "rb"), gzclose) {
    require(file_ != nullptr, path_, std::string("cannot be read: ") + std::strerror(errno));
    gzbuffer(file_.get(), 1u << 18);
}

std::size_t GzipReader::read(void* target, std::size_t bytes) {
    const int got = gzread(file_.get(), target, static_cast<unsigned>(bytes));
    require_undamaged();
    return got < 0 ? 0 : static_cast<std::size_t>(got);
}

std::vector<std::byte> GzipReader::read_rest(std::size_t most) {
    std::vector<std::byte> rest;
    for (std::size_t got = 1; got > 0 && rest.size() < most;) {
        const std::size_t start = rest.size();
        rest.resize(std::min(most, start + chunk_bytes));
        got = read(rest.data() + start, rest.size() - start);
        rest.resize(start + got);
    }
    return rest;
}

void GzipReader::require_checksum() {
    if (gzdirect(file_.get()) != 0) return;
    std::vector<char> rest(chunk_bytes);
    while (read(rest.data(), rest.size()) > 0) continue;
    int error = Z_OK;
    gzerror(file_.get(), &error);
    require(error != Z_BUF_ERROR, path_, "truncated, the end of the gzip stream is missing");
}

void GzipReader::require_undamaged() const {
    int error = Z_OK;
    gzerror(file_.get(), &error);
    require(error == Z_OK || error == Z_STREAM_END || error == Z_BUF_ERROR, path_,
            error == Z_ERRNO ? std::string("cannot be read: ") + std::strerror(errno)
                             : "damaged, its gzip data do not decompress or fail their checksum");
}

GzipWriter::GzipWriter(AtomicFile& file, bool compress, std::string path)
    : file_(file), compress_(compress), path_(std::move(path)), buffer_(std::size_t{1} << 18) {
    constexpr int gzip_format = 15 + 16;
    constexpr int memory_level = 8;
    // Level 1, as in NiBabel: higher levels hardly compress MR noise better and take several times as long.
    require(!compress_ || deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, gzip_format, memory_level,
                                       Z_DEFAULT_STRATEGY) == Z_OK,
            path_, "compression cannot be started");
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
