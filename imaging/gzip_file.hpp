#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/atomic_file.hpp"
#include "base/file_reader.hpp"

namespace dnsp::imaging {

/// The largest factor of deflate. It bounds the memory that is reserved for a damaged header.
inline constexpr std::uintmax_t largest_compression = 1032;

/// A plain or gzip-compressed file; its first bytes tell which. Throws FileError for a file that cannot be
/// read, and for gzip data that do not decompress.
class GzipReader {
  public:
    explicit GzipReader(const std::filesystem::path& path);
    ~GzipReader();
    GzipReader(const GzipReader&) = delete;
    GzipReader& operator=(const GzipReader&) = delete;

    const std::string& path() const { return file_.path(); }
    /// Size of the file as it is stored.
    std::uintmax_t file_bytes() const { return file_.size(); }
    /// The most bytes that a file of this size can hold.
    std::uintmax_t most_bytes() const { return (is_compressed_ ? largest_compression : 1) * file_bytes(); }

    /// Returns the number of bytes read: fewer than `bytes` at the end of the file or of a truncated file.
    std::size_t read(void* target, std::size_t bytes);
    /// Skips bytes, or all that are left.
    void skip(std::int64_t bytes);
    /// Everything up to the end, but at most `most` bytes.
    std::vector<std::byte> read_rest(std::size_t most);
    /// Reads to the end of the file, where gzip stores its checksum.
    void require_checksum();

  private:
    enum class State { compressed, ended, truncated };

    std::size_t inflate_to(void* target, std::size_t bytes);
    /// Reads until at least `bytes` bytes of the file are buffered. False at the end of the file.
    bool buffer(std::size_t bytes);
    bool at_gzip_header();

    FileReader file_;
    std::vector<std::byte> buffer_;
    z_stream stream_{};  ///< its input is the unread part of buffer_
    bool is_compressed_ = false;
    State state_ = State::compressed;
};

/// Writes bytes to a file, compressed or unchanged.
class GzipWriter {
  public:
    GzipWriter(AtomicFile& file, bool compress, std::string path);
    ~GzipWriter();
    GzipWriter(const GzipWriter&) = delete;
    GzipWriter& operator=(const GzipWriter&) = delete;

    void write(std::span<const std::byte> bytes);
    /// Completes the compressed data. Nothing can be written afterwards.
    void finish();

  private:
    void deflate_all(std::span<const std::byte> bytes, int flush);

    AtomicFile& file_;
    bool compress_;
    std::string path_;
    std::vector<std::byte> buffer_;
    z_stream stream_{};
};

}  // namespace dnsp::imaging
