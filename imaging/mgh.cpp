// The MGH format of FreeSurfer, .mgh and gzip-compressed .mgz: a header of 284 bytes, voxels, a footer. Big
// endian. Source: https://surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.hpp"
#include "imaging/file_names.hpp"
#include "imaging/geometry.hpp"
#include "imaging/input_file.hpp"
#include "imaging/nifti_header.hpp"
#include "imaging/stored_voxels.hpp"
#include "imaging/volume_file.hpp"

namespace dnsp::imaging {
namespace {

constexpr std::size_t header_bytes = 284;
constexpr std::int64_t most_voxels = std::int64_t{1} << 40;
constexpr std::size_t most_footer_bytes = std::size_t{1} << 28;
constexpr bool swapped = std::endian::native == std::endian::little;

/// The fields of the header, in the order of the file.
struct MghHeader {
    std::int32_t version = 1;
    std::array<std::int32_t, 3> size{};
    std::int32_t frames = 1;
    std::int32_t type = 0;
    std::int32_t degrees_of_freedom = 0;
    std::int16_t has_orientation = 0;
    std::array<float, 3> spacing{};
    std::array<std::array<float, 3>, 3> direction{};  ///< [axis][R, A, S]
    std::array<float, 3> center{};                    ///< R, A, S of the voxel size/2
};

/// Calls visit for every field. FreeSurfer's default without orientation is coronal.
template <class Header, class Visit>
void visit_fields(Header& header, Visit visit) {
    visit(header.version);
    for (auto& side : header.size) visit(side);
    visit(header.frames);
    visit(header.type);
    visit(header.degrees_of_freedom);
    visit(header.has_orientation);
    for (auto& mm : header.spacing) visit(mm);
    for (auto& axis : header.direction)
        for (auto& cosine : axis) visit(cosine);
    for (auto& mm : header.center) visit(mm);
}

template <class T>
void swap_to_big_endian(T& value) {
    if (swapped) nifti_swap_Nbytes(1, sizeof(T), &value);
}

MghHeader parse(const std::array<std::byte, header_bytes>& bytes) {
    MghHeader header;
    std::size_t position = 0;
    visit_fields(header, [&](auto& field) {
        std::memcpy(&field, bytes.data() + position, sizeof field);
        swap_to_big_endian(field);
        position += sizeof field;
    });
    if (header.has_orientation == 1) return header;
    header.spacing = {1.0f, 1.0f, 1.0f};
    header.direction = {{{-1.0f, 0.0f, 0.0f}, {0.0f, 0.0f, -1.0f}, {0.0f, 1.0f, 0.0f}}};
    header.center = {};
    return header;
}

std::array<std::byte, header_bytes> serialise(const MghHeader& header) {
    std::array<std::byte, header_bytes> bytes{};
    std::size_t position = 0;
    visit_fields(header, [&](auto field) {
        swap_to_big_endian(field);
        std::memcpy(bytes.data() + position, &field, sizeof field);
        position += sizeof field;
    });
    return bytes;
}

struct MghType {
    int code;
    int datatype;  ///< of NIfTI
};
constexpr MghType mgh_types[] = {
    {0, DT_UINT8}, {1, DT_INT32}, {3, DT_FLOAT32}, {4, DT_INT16}, {10, DT_UINT16}};

int datatype_of(std::int32_t code, const std::string& path) {
    for (const MghType& type : mgh_types)
        if (type.code == code) return type.datatype;
    throw FileError(fmt::format("{}: voxels of MGH type {} are not supported", path, code));
}

/// The type that holds the values of a datatype. Types that every reader knows are preferred.
int holding(int datatype) {
    switch (datatype) {
        case DT_UINT8:
            return DT_UINT8;
        case DT_INT8:
        case DT_INT16:
            return DT_INT16;
        case DT_UINT16:
        case DT_INT32:
            return DT_INT32;
        default:
            return DT_FLOAT32;
    }
}

/// Precondition: a result of holding().
int code_of(int datatype) {
    return std::find_if(std::begin(mgh_types), std::end(mgh_types),
                        [&](const MghType& type) { return type.datatype == datatype; })
        ->code;
}

void require_usable(const MghHeader& header, const std::string& path) {
    require(header.version == 1, path, "not an MGH file");
    std::int64_t voxels = 1;
    for (int axis = 0; axis < 3; ++axis) {
        const std::int32_t side = header.size[static_cast<std::size_t>(axis)];
        require(side >= 1 && side <= most_voxels / voxels, path,
                fmt::format("damaged header, dimension {} is {}", axis, side));
        voxels *= side;
    }
    require_image({header.size[0], header.size[1], header.size[2]}, path);
    require(header.frames >= 1 && header.frames <= most_voxels / voxels, path,
            fmt::format("damaged header, {} frames", header.frames));
    for (const float mm : header.spacing)
        require(std::isfinite(mm) && mm > 0.0f, path, fmt::format("damaged header, voxels of {} mm", mm));
}

VoxelToWorld matrix_of(const MghHeader& header) {
    VoxelToWorld matrix{};
    for (std::size_t row = 0; row < 3; ++row) {
        matrix[row][3] = header.center[row];
        for (std::size_t axis = 0; axis < 3; ++axis) {
            matrix[row][axis] = double{header.direction[axis][row]} * double{header.spacing[axis]};
            matrix[row][3] -= matrix[row][axis] * header.size[axis] / 2.0;
        }
    }
    return matrix;
}

void set_matrix(MghHeader& header, const VoxelToWorld& matrix) {
    header.has_orientation = 1;
    for (std::size_t axis = 0; axis < 3; ++axis) {
        const double mm = std::hypot(matrix[0][axis], matrix[1][axis], matrix[2][axis]);
        header.spacing[axis] = static_cast<float>(mm);
        for (std::size_t row = 0; row < 3; ++row)
            header.direction[axis][row] = static_cast<float>(matrix[row][axis] / mm);
    }
    for (std::size_t row = 0; row < 3; ++row) {
        double center = matrix[row][3];
        for (std::size_t axis = 0; axis < 3; ++axis) center += matrix[row][axis] * header.size[axis] / 2.0;
        header.center[row] = static_cast<float>(center);
    }
}

std::vector<Volume> read_mgh(const std::filesystem::path& path, const VolumeSelection& selection) {
    require_input_file(path);
    GzipReader file(path);
    std::array<std::byte, header_bytes> bytes{};
    const std::size_t got = file.read(bytes.data(), bytes.size());
    require(got == bytes.size(), path.string(), fmt::format("not an MGH file, {} bytes only", got));
    const MghHeader from = parse(bytes);
    require_usable(from, path.string());
    const StoredType type{datatype_of(from.type, path.string()), swapped};
    const auto [first, count] = selection.of(from.frames, path.string());
    const std::int64_t voxels = std::int64_t{from.size[0]} * from.size[1] * from.size[2];

    Volume volume;
    volume.path = path.string();
    for (std::size_t axis = 0; axis < 3; ++axis) {
        volume.size[axis] = from.size[axis];
        volume.voxel_size_mm[axis] = from.spacing[axis];
    }
    NiftiHeader header = plain_header(volume);
    header.fields.datatype = static_cast<std::int16_t>(type.datatype);
    header.fields.bitpix = static_cast<std::int16_t>(8 * type.bytes());
    set_voxel_to_world(header, matrix_of(from));
    file.skip(first * voxels * type.bytes());
    std::vector<Volume> result;
    for (std::int64_t i = 0; i < count; ++i)
        result.emplace_back(volume).voxels = read_voxels(file, type, voxels);
    file.skip((from.frames - first - count) * voxels * type.bytes());
    header.mgh_footer = file.read_rest(most_footer_bytes);
    file.require_checksum();
    const auto shared = std::make_shared<const NiftiHeader>(std::move(header));
    for (Volume& each : result) {
        each.header = shared;
        finish_reading(each);
    }
    return result;
}

void write_mgh(const std::filesystem::path& path, std::span<const Volume> volumes, const StoredType& type) {
    const Volume& volume = volumes.front();
    const NiftiHeader source = volume.header ? *volume.header : plain_header(volume);
    MghHeader header{.size = {volume.size[0], volume.size[1], volume.size[2]},
                     .frames = static_cast<std::int32_t>(volumes.size()),
                     .type = code_of(type.datatype)};
    set_matrix(header, voxel_to_world(volume));
    AtomicFile file(path);
    GzipWriter writer(file, !has_extension(path, ".mgh"), path.string());
    writer.write(serialise(header));
    for (const Volume& each : volumes) write_voxels(writer, {type.datatype, swapped}, each.voxels);
    writer.write(source.mgh_footer);
    writer.finish();
    file.commit();
}

const VolumeFormatRegistration registration{
    {"MGH", {".mgh", ".mgz"}, {".mgh", ".mgz"}, read_mgh, write_mgh, true, false, holding}};

}  // namespace
}  // namespace dnsp::imaging
