#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <span>

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "imaging/file_names.hpp"
#include "imaging/nifti.hpp"
#include "imaging/nifti_header.hpp"
#include "imaging/storage.hpp"

namespace dnsp::imaging {
namespace {

/// Header, extensions, and the bytes between that say whether there are any.
void write_header(GzipWriter& file, const NiftiHeader& header) {
    const std::array<std::byte, 4> has_extensions{std::byte{!header.extensions.empty()}};
    const std::size_t after = has_extensions.size() + header.extensions.size();
    if (header.version == 1) {
        nifti_1_header fields = narrow(header.fields);
        fields.vox_offset = static_cast<float>(sizeof fields + after);
        file.write(std::as_bytes(std::span(&fields, 1)));
    } else {
        nifti_2_header fields = header.fields;
        fields.sizeof_hdr = sizeof(nifti_2_header);
        std::memcpy(fields.magic, "n+2\0\r\n\032\n", sizeof fields.magic);
        fields.vox_offset = static_cast<std::int64_t>(sizeof fields + after);
        file.write(std::as_bytes(std::span(&fields, 1)));
    }
    file.write(has_extensions);
    file.write(header.extensions);
}

void require_sides_fit(const Volume& volume, std::size_t volumes, const std::string& path) {
    constexpr int most = std::numeric_limits<std::int16_t>::max();
    for (const int side : volume.size)
        require(side <= most, path, fmt::format("NIfTI-1 cannot hold {} voxels along one axis", side));
    require(volumes <= most, path, fmt::format("NIfTI-1 cannot hold {} volumes", volumes));
}

void write_nifti_volumes(const std::filesystem::path& path, std::span<const Volume> volumes,
                         const StoredType& type) {
    const std::string name = path.string();
    const Volume& first = volumes.front();
    NiftiHeader header = first.header ? *first.header : plain_header(first);
    set_stored_type(header, type);
    if (header.version == 1) require_sides_fit(first, volumes.size(), name);
    for (std::size_t axis = 0; axis < 3; ++axis) header.fields.dim[axis + 1] = first.size[axis];
    if (volumes.size() > 1) {
        header.fields.dim[0] = 4;
        header.fields.dim[4] = static_cast<std::int64_t>(volumes.size());
    }
    AtomicFile file(path);
    GzipWriter writer(file, has_extension(path, ".gz"), name);
    write_header(writer, header);
    for (const Volume& volume : volumes) write_voxels(writer, type, volume.voxels);
    writer.finish();
    file.commit();
}

const VolumeFormatRegistration registration{{"NIfTI",
                                             {".nii", ".nii.gz"},
                                             {".nii", ".nii.gz"},
                                             read_nifti_volumes,
                                             write_nifti_volumes,
                                             true,
                                             true,
                                             [](int datatype) { return datatype; }}};

}  // namespace

bool is_nifti_path(const std::filesystem::path& path) {
    return has_extension(path, ".nii") || has_extension(path, ".nii.gz");
}

void write_nifti(const std::filesystem::path& path, const Volume& volume) {
    require(is_nifti_path(path), path.string(), "the name of a NIfTI file must end in .nii or .nii.gz");
    write_volume(path, volume);
}

}  // namespace dnsp::imaging
