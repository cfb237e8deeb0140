#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/atomic_file.hpp"

namespace dnsp::imaging {

/// The largest factor of deflate. It bounds the memory that is reserved for a damaged header.
inline constexpr std::uintmax_t largest_compression = 1032;

/// A plain or gzip-compressed file; zlib detects which. Throws FileError for a file that cannot be read, and
/// for gzip data that do not decompress.
class GzipReader {
  public:
    explicit GzipReader(const std::filesystem::path& path);

    const std::string& path() const { return path_; }
    /// Size of the file as it is stored.
    std::uintmax_t file_bytes() const { return file_bytes_; }
    /// The most bytes that a file of this size can hold.
    std::uintmax_t most_bytes() const { return largest_compression * file_bytes_; }

    /// Returns the number of bytes read: fewer than `bytes` at the end of the file or of a truncated file.
    std::size_t read(void* target, std::size_t bytes);
    void skip(std::int64_t bytes) { gzseek(file_.get(), bytes, SEEK_CUR); }
    /// Everything up to the end, but at most `most` bytes.
    std::vector<std::byte> read_rest(std::size_t most);
    /// Reads to the end of the file, where gzip stores its checksum.
    void require_checksum();

  private:
    void require_undamaged() const;

    std::string path_;
    std::uintmax_t file_bytes_;
    std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
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
