#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>

#include "base/error.hpp"
#include "imaging/input_file.hpp"
#include "imaging/nifti.hpp"
#include "imaging/nifti_header.hpp"

namespace dnsp::imaging {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{1} << 20;
constexpr std::int64_t most_voxels = std::int64_t{1} << 40;
/// The largest factor of deflate. Bounds the memory that is reserved for a damaged header.
constexpr std::uintmax_t largest_compression = 1032;

/// A plain or gzip-compressed file; zlib detects which.
class GzipReader {
  public:
    explicit GzipReader(const std::filesystem::path& path)
        : path_(path.string()), file_(gzopen(path.c_str(), "rb"), gzclose) {
        require(file_ != nullptr, path_, std::string("cannot be read: ") + std::strerror(errno));
        gzbuffer(file_.get(), 1u << 18);
    }

    /// Returns the number of bytes read: fewer than `bytes` at the end of the file or of a truncated file.
    std::size_t read(void* target, std::size_t bytes) {
        const int got = gzread(file_.get(), target, static_cast<unsigned>(bytes));
        require_undamaged();
        return got < 0 ? 0 : static_cast<std::size_t>(got);
    }

    void skip(std::int64_t bytes) { gzseek(file_.get(), bytes, SEEK_CUR); }

    /// Reads to the end of the file, where gzip stores its checksum.
    void require_checksum() {
        if (gzdirect(file_.get()) != 0) return;
        std::vector<char> rest(chunk_bytes);
        while (read(rest.data(), rest.size()) > 0) continue;
        int error = Z_OK;
        gzerror(file_.get(), &error);
        require(error != Z_BUF_ERROR, path_, "truncated, the end of the gzip stream is missing");
    }

  private:
    void require_undamaged() const {
        int error = Z_OK;
        gzerror(file_.get(), &error);
        require(error == Z_OK || error == Z_STREAM_END || error == Z_BUF_ERROR, path_,
                error == Z_ERRNO ? std::string("cannot be read: ") + std::strerror(errno)
                                 : "damaged, its gzip data do not decompress or fail their checksum");
    }

    std::string path_;
    std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

struct FileHeader {
    NiftiHeader header;
    bool swapped = false;  ///< the file has the opposite byte order
    std::int64_t bytes_read = 0;
};

FileHeader read_header(GzipReader& file, const std::string& path) {
    std::array<char, sizeof(nifti_2_header)> bytes{};
    FileHeader result;
    const std::size_t got = file.read(bytes.data(), sizeof(nifti_1_header));
    require(got == sizeof(nifti_1_header), path, fmt::format("not a NIfTI file, {} bytes only", got));
    const int version = nifti_header_version(bytes.data(), got);
    require(version == 1 || version == 2, path, "not a NIfTI file");
    result.header.version = version;
    std::int32_t header_size = 0;
    std::memcpy(&header_size, bytes.data(), sizeof header_size);
    result.swapped = header_size != 348 && header_size != 540;
    result.bytes_read = sizeof(nifti_1_header);
    std::string magic;
    if (version == 1) {
        nifti_1_header narrow_header{};
        std::memcpy(&narrow_header, bytes.data(), sizeof narrow_header);
        if (result.swapped) swap_nifti_header(&narrow_header, 1);
        magic.assign(narrow_header.magic, 3);
        result.header.fields = widen(narrow_header);
    } else {
        const std::size_t rest = sizeof(nifti_2_header) - sizeof(nifti_1_header);
        require(file.read(bytes.data() + sizeof(nifti_1_header), rest) == rest, path,
                "truncated inside its NIfTI-2 header");
        result.bytes_read = sizeof(nifti_2_header);
        std::memcpy(&result.header.fields, bytes.data(), sizeof(nifti_2_header));
        if (result.swapped) swap_nifti_header(&result.header.fields, 2);
        magic.assign(result.header.fields.magic, 3);
    }
    require(magic[1] == '+', path, "header of a two-file NIfTI (.hdr and .img); convert it to one .nii file");
    return result;
}

void require_image_intent(int intent, const std::string& path) {
    const std::string name = fmt::format("(intent {})", nifti_intent_string(intent));
    require(intent != NIFTI_INTENT_LABEL && intent != NIFTI_INTENT_NEURONAME, path,
            fmt::format("label image (intent {}), not an MR image",
                        intent == NIFTI_INTENT_LABEL ? "LABEL" : "NEURONAME"));
    require(intent < NIFTI_FIRST_STATCODE || intent > NIFTI_LAST_STATCODE, path,
            fmt::format("statistic map {}, not an MR image", name));
    require(intent < NIFTI_INTENT_GENMATRIX || intent > NIFTI_INTENT_QUATERNION, path,
            fmt::format("vector or matrix image {}, not an MR image", name));
    // 2001 … 2018: surfaces, time series, colours and diffusion models.
    require(intent < 2001 || intent > 2018, path, fmt::format("special data {}, not an MR image", name));
}

void require_scalar_type(int datatype, const std::string& path) {
    const bool known = with_stored_type(datatype, []<class>() {});
    const std::string name = fmt::format("datatype {} ({})", datatype, nifti_datatype_string(datatype));
    const bool complex_type =
        datatype == DT_COMPLEX64 || datatype == DT_COMPLEX128 || datatype == DT_COMPLEX256;
    require(!complex_type, path, fmt::format("complex image, {}; take its magnitude first", name));
    const bool color_type = datatype == DT_RGB24 || datatype == DT_RGBA32;
    require(!color_type, path, fmt::format("colour image, {}, not an MR image", name));
    require(known, path, fmt::format("{} is not supported", name));
}

/// Returns the number of 3-D volumes. Sets dimensions beyond dim[0] to 1.
std::int64_t require_dimensions(nifti_2_header& fields, const std::string& path) {
    const std::int64_t count = fields.dim[0];
    require(count >= 1 && count <= 7, path, fmt::format("damaged header, {} dimensions", count));
    std::int64_t voxels = 1;
    for (std::int64_t i = 1; i < 8; ++i) {
        if (i > count) fields.dim[i] = 1;
        const std::int64_t size = fields.dim[i];
        require(size >= 1, path, fmt::format("damaged header, dimension {} is {}", i, size));
        require(size <= std::numeric_limits<int>::max() && size <= most_voxels / voxels, path,
                fmt::format("damaged header or too large a file, dimension {} is {}", i, size));
        voxels *= size;
    }
    for (int i = 5; i < 8; ++i) {
        const std::int64_t size = fields.dim[i];
        require(size == 1, path, fmt::format("{}-D file; only 3-D and 4-D files are read", count));
    }
    for (int axis = 0; axis < 3; ++axis) {
        require(fields.dim[axis + 1] >= 2, path,
                fmt::format("one slice only along axis {}; a volume needs at least 2", axis));
    }
    return fields.dim[4];
}

std::int64_t chosen_volume(std::int64_t volumes, std::optional<int> index, const std::string& path) {
    if (volumes > 1 && !index)
        throw VolumeNotChosen(
            fmt::format("{}: 4-D file with {} volumes; choose one of 0…{}", path, volumes, volumes - 1));
    const int chosen = index.value_or(0);
    require(chosen >= 0 && chosen < volumes, path,
            volumes == 1
                ? fmt::format("there is no volume {}; the file is 3-D", chosen)
                : fmt::format("there is no volume {}; the file has volumes 0…{}", chosen, volumes - 1));
    return chosen;
}

template <class T>
void append_intensities(const std::vector<unsigned char>& bytes, std::size_t count,
                        const IntensityScale& scale, std::vector<float>& voxels) {
    const bool scaled = scale.slope != 1.0 || scale.intercept != 0.0;
    for (std::size_t i = 0; i < count; ++i) {
        T stored;
        std::memcpy(&stored, bytes.data() + i * sizeof(T), sizeof(T));
        voxels.push_back(scaled
                             ? static_cast<float>(scale.slope * static_cast<double>(stored) + scale.intercept)
                             : static_cast<float>(stored));
    }
}

std::vector<float> read_voxels(GzipReader& file, const FileHeader& from, std::uintmax_t file_bytes,
                               std::int64_t wanted, const std::string& path) {
    std::vector<float> voxels;
    const IntensityScale scale = intensity_scale(from.header);
    with_stored_type(from.header.fields.datatype, [&]<class T>() {
        const std::size_t total = static_cast<std::size_t>(wanted) * sizeof(T);
        voxels.reserve(std::min<std::uintmax_t>(wanted, file_bytes * largest_compression / sizeof(T)));
        std::vector<unsigned char> chunk(chunk_bytes);
        for (std::size_t done = 0; done < total;) {
            const std::size_t asked = std::min(chunk.size(), total - done);
            const std::size_t got = file.read(chunk.data(), asked);
            done += got;
            require(got == asked, path,
                    fmt::format("truncated, {} of {} voxel bytes are there", done, total));
            const std::size_t count = got / sizeof(T);
            if (from.swapped && sizeof(T) > 1) {
                nifti_swap_Nbytes(static_cast<std::int64_t>(count), sizeof(T), chunk.data());
            }
            append_intensities<T>(chunk, count, scale, voxels);
        }
    });
    return voxels;
}

void require_usable_intensities(const std::vector<float>& voxels, const std::string& path) {
    const auto bad = std::count_if(voxels.begin(), voxels.end(), [](float x) { return !std::isfinite(x); });
    require(bad == 0, path, fmt::format("{} {} NaN or infinite", bad, bad == 1 ? "voxel is" : "voxels are"));
    const float first = voxels.front();
    require(!std::all_of(voxels.begin(), voxels.end(), [=](float x) { return x == first; }), path,
            fmt::format("every voxel is {}", first));
}

}  // namespace

Volume read_nifti(const std::filesystem::path& path, std::optional<int> volume_index) {
    nifti_set_debug_level(0);
    require_input_file(path);
    const std::string name = path.string();
    GzipReader file(path);
    FileHeader from = read_header(file, name);
    nifti_2_header& fields = from.header.fields;
    require_image_intent(fields.intent_code, name);
    require_scalar_type(fields.datatype, name);
    const std::int64_t volumes = require_dimensions(fields, name);
    const std::int64_t chosen = chosen_volume(volumes, volume_index, name);

    const std::int64_t count = fields.dim[1] * fields.dim[2] * fields.dim[3];
    const std::int64_t first_voxel = std::max<std::int64_t>(fields.vox_offset, from.bytes_read + 4);
    require(first_voxel <= most_voxels, name,
            fmt::format("damaged header, voxels start at byte {}", first_voxel));
    std::int64_t voxel_bytes = 0;
    with_stored_type(fields.datatype, [&]<class T>() { voxel_bytes = sizeof(T); });
    file.skip(first_voxel - from.bytes_read + chosen * count * voxel_bytes);

    Volume volume;
    volume.path = name;
    volume.voxels = read_voxels(file, from, std::filesystem::file_size(path), count, name);
    file.require_checksum();
    require_usable_intensities(volume.voxels, name);
    for (std::size_t axis = 0; axis < 3; ++axis) volume.size[axis] = static_cast<int>(fields.dim[axis + 1]);
    volume.voxel_size_mm = voxel_size_mm(from.header);
    fields.dim[0] = 3;
    fields.dim[4] = 1;
    fields.bitpix = static_cast<std::int16_t>(8 * voxel_bytes);
    volume.header = std::make_shared<const NiftiHeader>(from.header);
    return volume;
}

}  // namespace dnsp::imaging
