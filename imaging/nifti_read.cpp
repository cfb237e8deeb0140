#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>

#include "base/error.hpp"
#include "imaging/gzip_file.hpp"
#include "imaging/input_file.hpp"
#include "imaging/nifti.hpp"
#include "imaging/nifti_header.hpp"
#include "imaging/stored_voxels.hpp"

namespace dnsp::imaging {
namespace {

constexpr std::int64_t most_voxels = std::int64_t{1} << 40;
constexpr std::int64_t smallest_extension = 16, most_extension_bytes = std::int64_t{1} << 28;

struct FileHeader {
    NiftiHeader header;
    bool swapped = false;  ///< the file has the opposite byte order
    std::int64_t bytes_read = 0;
    double voxel_offset = 0.0;  ///< as in the file
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
        result.voxel_offset = narrow_header.vox_offset;
    } else {
        const std::size_t rest = sizeof(nifti_2_header) - sizeof(nifti_1_header);
        require(file.read(bytes.data() + sizeof(nifti_1_header), rest) == rest, path,
                "truncated inside its NIfTI-2 header");
        result.bytes_read = sizeof(nifti_2_header);
        std::memcpy(&result.header.fields, bytes.data(), sizeof(nifti_2_header));
        if (result.swapped) swap_nifti_header(&result.header.fields, 2);
        magic.assign(result.header.fields.magic, 3);
        result.voxel_offset = static_cast<double>(result.header.fields.vox_offset);
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
    require_image({fields.dim[1], fields.dim[2], fields.dim[3]}, path);
    return fields.dim[4];
}

/// The byte at which the voxels begin, by the header:
/// - from the end of the flag of extensions (byte 352, NIfTI-2: 544) on, as the standard has it;
/// - 0, unset: at the end of the flag, with a note;
/// - at the end of the header or within the flag: there, with a note. require_end() checks it.
/// Throws FileError for anything else: negative, NaN, with a fraction, within the header.
std::int64_t first_voxel_of(const FileHeader& from, const std::string& path,
                            std::vector<std::string>& notes) {
    const double offset = from.voxel_offset;
    const std::int64_t usual = from.bytes_read + 4;
    if (offset == 0.0) {
        notes.push_back(fmt::format(
            "its header does not say where voxels begin (vox_offset 0); byte {} is taken", usual));
        return usual;
    }
    require(offset == std::floor(offset) && offset >= static_cast<double>(from.bytes_read) &&
                offset <= static_cast<double>(most_voxels),
            path, fmt::format("damaged header, voxels start at byte {}", offset));
    const auto first = static_cast<std::int64_t>(offset);
    if (first < usual)
        notes.push_back(fmt::format(
            "voxels begin at byte {}, as its header says, where NIfTI files have the flag of extensions",
            first));
    return first;
}

/// Throws FileError unless the file ends `bytes` after the present position.
void require_end(GzipReader& file, std::int64_t bytes, std::int64_t first_voxel) {
    std::byte last{};
    if (bytes > 0) file.skip(bytes - 1);
    const bool ends = (bytes == 0 || file.read(&last, 1) == 1) && file.read(&last, 1) == 0;
    require(
        ends, file.path(),
        fmt::format("damaged header, voxels that start at byte {} do not end with the file", first_voxel));
}

/// The extensions between the header and the voxels, in the machine's byte order. A damaged one and those
/// after it are left out.
std::vector<std::byte> read_extensions(GzipReader& file, FileHeader& from, std::int64_t first_voxel) {
    std::array<std::byte, 4> flag{};
    const std::int64_t available = first_voxel - from.bytes_read - 4;
    from.bytes_read += static_cast<std::int64_t>(file.read(flag.data(), flag.size()));
    if (flag[0] == std::byte{0} || available < smallest_extension || available > most_extension_bytes)
        return {};
    std::vector<std::byte> bytes(static_cast<std::size_t>(available));
    bytes.resize(file.read(bytes.data(), bytes.size()));
    from.bytes_read += static_cast<std::int64_t>(bytes.size());
    std::size_t end = 0;
    while (end + smallest_extension <= bytes.size()) {
        if (from.swapped) nifti_swap_4bytes(2, bytes.data() + end);  // size and code
        std::int32_t size = 0;
        std::memcpy(&size, bytes.data() + end, sizeof size);
        if (size < smallest_extension || size % 16 != 0 ||
            static_cast<std::size_t>(size) > bytes.size() - end)
            break;
        end += static_cast<std::size_t>(size);
    }
    bytes.resize(end);
    return bytes;
}

}  // namespace

std::vector<Volume> read_nifti_volumes(const std::filesystem::path& path, const VolumeSelection& selection) {
    nifti_set_debug_level(0);
    require_input_file(path);
    const std::string name = path.string();
    GzipReader file(path);
    FileHeader from = read_header(file, name);
    nifti_2_header& fields = from.header.fields;
    require_image_intent(fields.intent_code, name);
    require_scalar_type(fields.datatype, name);
    const std::int64_t volumes = require_dimensions(fields, name);
    const auto [first, count] = selection.of(volumes, name);

    const std::int64_t voxels = fields.dim[1] * fields.dim[2] * fields.dim[3];
    std::vector<std::string> notes = repair_forms(from.header);
    require(fields.sform_code > 0 || fields.qform_code <= 0 || has_rotation(from.header), name,
            "damaged header, the quaternion of its qform is no rotation");
    for (std::string& note : complete_voxel_sizes(from.header)) notes.push_back(std::move(note));
    if (auto note = contradicting_forms(from.header)) notes.push_back(*std::move(note));
    const std::int64_t first_voxel = first_voxel_of(from, name, notes);
    const bool has_flag = first_voxel >= from.bytes_read + 4;
    if (has_flag) from.header.extensions = read_extensions(file, from, first_voxel);
    const StoredType type{fields.datatype, from.swapped, intensity_scale(from.header)};
    require(std::isfinite(type.scale.intercept), name,
            fmt::format("damaged header, the intercept of its intensities is {}", type.scale.intercept));
    const std::int64_t voxel_bytes = type.bytes();
    file.skip(first_voxel - from.bytes_read + first * voxels * voxel_bytes);

    Volume volume;
    volume.path = name;
    for (std::size_t axis = 0; axis < 3; ++axis) volume.size[axis] = static_cast<int>(fields.dim[axis + 1]);
    volume.voxel_size_mm = voxel_size_mm(from.header);
    fields.dim[0] = 3;
    fields.dim[4] = 1;
    fields.bitpix = static_cast<std::int16_t>(8 * voxel_bytes);
    volume.header = std::make_shared<const NiftiHeader>(from.header);
    std::vector<Volume> result;
    for (std::int64_t i = 0; i < count; ++i)
        result.emplace_back(volume).voxels = read_voxels(file, type, voxels);
    if (!has_flag) require_end(file, (volumes - first - count) * voxels * voxel_bytes, first_voxel);
    file.require_checksum();
    for (Volume& each : result) {
        each.notes = notes;
        finish_reading(each);
    }
    return result;
}

Volume read_nifti(const std::filesystem::path& path, std::optional<int> volume_index) {
    return std::move(read_nifti_volumes(path, {.index = volume_index}).front());
}

}  // namespace dnsp::imaging
