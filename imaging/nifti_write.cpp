#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "imaging/nifti.hpp"
#include "imaging/nifti_header.hpp"

namespace dnsp::imaging {
namespace {

constexpr std::size_t chunk_voxels = std::size_t{1} << 17;
constexpr std::array<std::byte, 4> no_extensions{};

/// Writes bytes to a file, compressed or unchanged.
class VoxelSink {
  public:
    VoxelSink(AtomicFile& file, bool compress, std::string path)
        : file_(file), compress_(compress), path_(std::move(path)), buffer_(std::size_t{1} << 18) {
        constexpr int gzip_format = 15 + 16;
        constexpr int memory_level = 8;
        // Level 1, as in NiBabel: higher levels hardly compress MR noise better and take several times as
        // long.
        require(!compress_ || deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, gzip_format, memory_level,
                                           Z_DEFAULT_STRATEGY) == Z_OK,
                path_, "compression cannot be started");
    }
    ~VoxelSink() {
        if (compress_) deflateEnd(&stream_);
    }
    VoxelSink(const VoxelSink&) = delete;
    VoxelSink& operator=(const VoxelSink&) = delete;

    void write(std::span<const std::byte> bytes) {
        if (!compress_) return file_.write(bytes);
        deflate_all(bytes, Z_NO_FLUSH);
    }

    void finish() {
        if (compress_) deflate_all({}, Z_FINISH);
    }

  private:
    void deflate_all(std::span<const std::byte> bytes, int flush) {
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

    AtomicFile& file_;
    bool compress_;
    std::string path_;
    std::vector<std::byte> buffer_;
    z_stream stream_{};
};

template <class T>
T stored_value(double value) {
    if constexpr (std::is_floating_point_v<T>) {
        return static_cast<T>(value);
    } else {
        // The largest 64-bit integers round up in double, so compare before the conversion.
        const double rounded = std::round(value);
        if (rounded >= static_cast<double>(std::numeric_limits<T>::max()))
            return std::numeric_limits<T>::max();
        if (rounded <= static_cast<double>(std::numeric_limits<T>::min()))
            return std::numeric_limits<T>::min();
        return static_cast<T>(rounded);
    }
}

template <class T>
void write_voxels(VoxelSink& sink, std::span<const float> voxels, const IntensityScale& scale) {
    std::vector<T> chunk;
    for (std::size_t first = 0; first < voxels.size(); first += chunk_voxels) {
        const auto part = voxels.subspan(first, std::min(chunk_voxels, voxels.size() - first));
        chunk.resize(part.size());
        std::transform(part.begin(), part.end(), chunk.begin(),
                       [&](float x) { return stored_value<T>((x - scale.intercept) / scale.slope); });
        sink.write(std::as_bytes(std::span(chunk)));
    }
}

void write_header(VoxelSink& sink, const NiftiHeader& header) {
    if (header.version == 1) {
        const nifti_1_header narrow_header = narrow(header.fields);
        sink.write(std::as_bytes(std::span(&narrow_header, 1)));
    } else {
        nifti_2_header fields = header.fields;
        fields.sizeof_hdr = sizeof(nifti_2_header);
        std::memcpy(fields.magic, "n+2\0\r\n\032\n", sizeof fields.magic);
        fields.vox_offset = sizeof(nifti_2_header) + no_extensions.size();
        sink.write(std::as_bytes(std::span(&fields, 1)));
    }
    sink.write(no_extensions);
}

void require_writable(const Volume& volume, const NiftiHeader& header, const std::string& path) {
    std::size_t count = 1;
    for (const int size : volume.size) {
        require(size >= 1, path, fmt::format("cannot hold a volume with a side of {} voxels", size));
        require(header.version == 2 || size <= std::numeric_limits<std::int16_t>::max(), path,
                fmt::format("NIfTI-1 cannot hold {} voxels along one axis", size));
        count *= static_cast<std::size_t>(size);
    }
    require(count == volume.voxels.size(), path,
            fmt::format("volume of {}×{}×{} has {} voxels", volume.size[0], volume.size[1], volume.size[2],
                        volume.voxels.size()));
    const auto bad =
        std::count_if(volume.voxels.begin(), volume.voxels.end(), [](float x) { return !std::isfinite(x); });
    require(bad == 0, path,
            fmt::format("not written, {} {} NaN or infinite", bad, bad == 1 ? "voxel is" : "voxels are"));
}

}  // namespace

bool is_nifti_path(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    return name.ends_with(".nii") || name.ends_with(".nii.gz");
}

void write_nifti(const std::filesystem::path& path, const Volume& volume) {
    const std::string name = path.string();
    require(is_nifti_path(path), name, "the name of a NIfTI file must end in .nii or .nii.gz");
    NiftiHeader header = volume.header ? *volume.header : plain_header(volume);
    require_writable(volume, header, name);
    for (std::size_t axis = 0; axis < 3; ++axis) header.fields.dim[axis + 1] = volume.size[axis];
    AtomicFile file(path);
    VoxelSink sink(file, name.ends_with(".gz"), name);
    write_header(sink, header);
    with_stored_type(header.fields.datatype,
                     [&]<class T>() { write_voxels<T>(sink, volume.voxels, intensity_scale(header)); });
    sink.finish();
    file.commit();
}

}  // namespace dnsp::imaging
