// NRRD (.nrrd, .nhdr) and MetaImage (.mha, .mhd), read and written by ITK. Its coordinates are LPS, those of
// volumes RAS.
#include <fmt/format.h>
#include <itkMetaImageIO.h>
#include <itkNrrdImageIO.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "base/file_reader.hpp"
#include "base/temporary_folder.hpp"
#include "imaging/file_names.hpp"
#include "imaging/geometry.hpp"
#include "imaging/input_file.hpp"
#include "imaging/nifti_header.hpp"
#include "imaging/stored_voxels.hpp"
#include "imaging/volume_file.hpp"

namespace dnsp::imaging {
namespace {

namespace fs = std::filesystem;
using Component = itk::IOComponentEnum;

struct StoredComponent {
    Component component;
    int datatype;  ///< of NIfTI
};
constexpr StoredComponent components[] = {
    {Component::UCHAR, DT_UINT8},    {Component::CHAR, DT_INT8},     {Component::USHORT, DT_UINT16},
    {Component::SHORT, DT_INT16},    {Component::UINT, DT_UINT32},   {Component::INT, DT_INT32},
    {Component::ULONG, DT_UINT64},   {Component::LONG, DT_INT64},    {Component::ULONGLONG, DT_UINT64},
    {Component::LONGLONG, DT_INT64}, {Component::FLOAT, DT_FLOAT32}, {Component::DOUBLE, DT_FLOAT64},
};

int datatype_of(const itk::ImageIOBase& io, const std::string& path) {
    for (const StoredComponent& each : components)
        if (each.component == io.GetComponentType()) return each.datatype;
    throw FileError(fmt::format("{}: voxels of type {} are not supported", path,
                                itk::ImageIOBase::GetComponentTypeAsString(io.GetComponentType())));
}

Component component_of(int datatype) {
    for (const StoredComponent& each : components)
        if (each.datatype == datatype) return each.component;
    return Component::FLOAT;
}

/// Runs a part of ITK; its exceptions become FileErrors.
template <class Part>
auto with_itk(const fs::path& path, const char* failure, Part part) {
    try {
        return part();
    } catch (const itk::ExceptionObject& error) {
        std::string reason = error.GetDescription();
        for (char& c : reason)
            if (c == '\n') c = ' ';
        throw FileError(fmt::format("{}: {} ({})", path.string(), failure, reason));
    }
}

/// ITK does not repeat system calls that a signal interrupts, and does not tell such a failure from others.
/// So what fails is tried once more.
template <class Part>
auto with_second_attempt(Part part) {
    try {
        return part();
    } catch (const FileError&) {
        return part();
    }
}

/// Where the axes of space and the volumes of a series lie in the buffer.
struct Layout {
    std::array<int, 3> size{};
    std::int64_t volumes = 1;
    std::int64_t voxel_stride = 1, volume_stride = 1;  ///< in stored values

    std::int64_t voxels() const { return std::int64_t{size[0]} * size[1] * size[2]; }
};

Layout layout_of(const itk::ImageIOBase& io, const std::string& path) {
    using Pixel = itk::IOPixelEnum;
    const unsigned dimensions = io.GetNumberOfDimensions();
    require(dimensions >= 2 && dimensions <= 4, path,
            fmt::format("{}-D file; only files of 2, 3 or 4 dimensions are read", dimensions));
    const bool color = io.GetPixelType() == Pixel::RGB || io.GetPixelType() == Pixel::RGBA;
    require(!color, path, "colour image, not an MR image");
    require(io.GetPixelType() == Pixel::SCALAR || io.GetPixelType() == Pixel::VECTOR, path,
            fmt::format("voxels of kind {} are no intensities",
                        itk::ImageIOBase::GetPixelTypeAsString(io.GetPixelType())));
    Layout layout;
    layout.size = {1, 1, 1};
    for (unsigned axis = 0; axis < std::min(dimensions, 3U); ++axis) {
        const double mm = io.GetSpacing(axis);
        require(std::isfinite(mm) && mm > 0.0, path, fmt::format("damaged header, voxels of {} mm", mm));
        layout.size[axis] = static_cast<int>(io.GetDimensions(axis));
    }
    require_image({layout.size[0], layout.size[1], layout.size[2]}, path);
    const auto values = static_cast<std::int64_t>(io.GetNumberOfComponents());
    const auto repeats = dimensions == 4 ? static_cast<std::int64_t>(io.GetDimensions(3)) : 1;
    require(values == 1 || repeats == 1, path, "a series of vectors, not of intensities");
    layout.volumes = values * repeats;
    layout.voxel_stride = values;
    layout.volume_stride = values > 1 ? 1 : layout.voxels();
    return layout;
}

VoxelToWorld matrix_of(const itk::ImageIOBase& io) {
    VoxelToWorld matrix{};
    if (io.GetNumberOfDimensions() == 2) {
        // A picture lies in the plane of the first two axes.
        for (unsigned row = 0; row < 2; ++row) {
            matrix[row][3] = -io.GetOrigin(row);
            for (unsigned axis = 0; axis < 2; ++axis)
                matrix[row][axis] = -io.GetDirection(axis)[row] * io.GetSpacing(axis);
        }
        matrix[2][2] = 1.0;
        return matrix;
    }
    for (unsigned row = 0; row < 3; ++row) {
        const double sign = row < 2 ? -1.0 : 1.0;
        matrix[row][3] = sign * io.GetOrigin(row);
        for (unsigned axis = 0; axis < 3; ++axis)
            matrix[row][axis] = sign * io.GetDirection(axis)[row] * io.GetSpacing(axis);
    }
    return matrix;
}

/// Bytes of all files that may hold the voxels: the file itself, and for a header alone those beside it.
std::uintmax_t available_bytes(const fs::path& path) {
    const std::string extension = lower_case(path.extension().string());
    if (extension != ".nhdr" && extension != ".mhd") return fs::file_size(path);
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    std::uintmax_t bytes = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
        if (entry.is_regular_file()) bytes += entry.file_size();
    return bytes;
}

/// The beginning of a file, with all lines of its header.
std::string beginning_of(const fs::path& path) {
    constexpr std::size_t longest_header = 1 << 16;
    std::string bytes(longest_header, '\0');
    bytes.resize(FileReader(path).read(bytes.data(), bytes.size()));
    return bytes;
}

/// The value of the line "KEY = VALUE" (MetaImage) or "KEY: VALUE" (NRRD) of a header; empty if it has none.
std::string value_of(std::string_view header, std::string_view key, char separator) {
    constexpr std::string_view blanks = " \t\r";
    for (std::size_t start = 0; start < header.size();) {
        const std::size_t end = std::min(header.find('\n', start), header.size());
        std::string_view line = header.substr(start, end - start);
        start = end + 1;
        if (!line.starts_with(key)) continue;
        line.remove_prefix(key.size());
        line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
        if (!line.starts_with(separator)) continue;
        line.remove_prefix(1);
        line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
        return std::string(line.substr(0, line.find_last_not_of(blanks) + 1));
    }
    return {};
}

std::string metaimage_value(std::string_view header, std::string_view key) {
    return value_of(header, key, '=');
}

/// ITK takes 1 mm for a voxel size that a header does not give, and does not say so.
template <class Io>
bool gives_voxel_size(const fs::path& path) {
    const std::string header = beginning_of(path);
    if constexpr (std::is_same_v<Io, itk::MetaImageIO>)
        return !metaimage_value(header, "ElementSpacing").empty() ||
               !metaimage_value(header, "ElementSize").empty();
    else
        return !value_of(header, "spacings", ':').empty() ||
               !value_of(header, "space directions", ':').empty();
}

/// Throws FileError if the file that holds the voxels of a MetaImage is too short for them. MetaImageIO
/// reports no error then, and leaves a part of the voxels as they were in memory.
void require_metaimage_bytes(const fs::path& path, std::uintmax_t bytes) {
    std::string header = beginning_of(path);
    const auto last_line = header.find("ElementDataFile");
    if (last_line == std::string::npos) return;
    const auto end = header.find('\n', last_line);
    header.resize(std::min(end, header.size() - 1) + 1);
    if (lower_case(metaimage_value(header, "CompressedData")) == "true") {
        const std::string size = metaimage_value(header, "CompressedDataSize");
        if (std::from_chars(size.data(), size.data() + size.size(), bytes).ec != std::errc{}) return;
    }
    const std::string where = metaimage_value(header, "ElementDataFile");
    std::error_code absent;
    const std::uintmax_t there = where == "LOCAL" ? fs::file_size(path) - header.size()
                                                  : fs::file_size(path.parent_path() / where, absent);
    require(absent || there >= bytes, path.string(),
            fmt::format("truncated, {} of {} voxel bytes are there", there, bytes));
}

template <class Io>
std::vector<char> read_buffer(Io& io, std::size_t bytes, const fs::path& path) {
    itk::ImageIORegion region(io.GetNumberOfDimensions());
    for (unsigned axis = 0; axis < io.GetNumberOfDimensions(); ++axis)
        region.SetSize(axis, io.GetDimensions(axis));
    io.SetIORegion(region);
    if constexpr (std::is_same_v<Io, itk::MetaImageIO>) require_metaimage_bytes(path, bytes);
    std::vector<char> buffer(bytes, '\0');
    with_itk(path, "truncated or damaged", [&] { io.Read(buffer.data()); });
    if constexpr (std::is_same_v<Io, itk::MetaImageIO>) {
        // Of damaged compressed voxels, MetaImageIO fills a part of the buffer without an error. The rest
        // keeps what was there.
        std::vector<char> again(bytes, '\x55');
        with_itk(path, "truncated or damaged", [&] { io.Read(again.data()); });
        require(buffer == again, path.string(), "truncated or damaged");
    }
    return buffer;
}

template <class Io>
std::vector<Volume> read_once(const fs::path& path, const VolumeSelection& selection) {
    require_input_file(path);
    const std::string name = path.string();
    const auto io = Io::New();
    // CanReadFile() of MetaImageIO refuses extensions in upper case; ReadImageInformation() reads such files.
    const std::string extension = path.extension().string();
    require(extension != lower_case(extension) || io->CanReadFile(name.c_str()), name,
            fmt::format("not a file that {} reads", io->GetNameOfClass()));
    io->SetFileName(name);
    with_itk(path, "damaged header", [&] { io->ReadImageInformation(); });
    const int datatype = datatype_of(*io, name);
    const Layout layout = layout_of(*io, name);
    const auto [first, count] = selection.of(layout.volumes, name);
    const auto bytes = static_cast<std::uintmax_t>(io->GetImageSizeInBytes());
    require(bytes <= largest_compression * available_bytes(path), name,
            fmt::format("truncated or damaged, {} bytes of voxels are missing", bytes));
    const std::vector<char> buffer = read_buffer(*io, bytes, path);

    Volume volume;
    volume.path = name;
    volume.size = layout.size;
    volume.voxel_size_mm = {1.0, 1.0, 1.0};
    for (unsigned axis = 0; axis < std::min(io->GetNumberOfDimensions(), 3U); ++axis)
        volume.voxel_size_mm[axis] = io->GetSpacing(axis);
    if (!gives_voxel_size<Io>(path))
        volume.notes.push_back("the header gives no voxel size; 1 mm is assumed");
    else if (io->GetNumberOfDimensions() == 2)
        volume.notes.push_back("a 2-D file has no slice thickness; 1 mm is assumed");
    NiftiHeader header = plain_header(volume);
    header.fields.datatype = static_cast<std::int16_t>(datatype);
    set_voxel_to_world(header, matrix_of(*io));
    std::vector<Volume> result(static_cast<std::size_t>(count), volume);
    with_stored_type(datatype, [&]<class T>() {
        header.fields.bitpix = 8 * sizeof(T);
        for (std::int64_t i = 0; i < count; ++i) {
            const char* at = buffer.data() + (first + i) * layout.volume_stride * std::int64_t{sizeof(T)};
            auto& voxels = result[static_cast<std::size_t>(i)].voxels;
            voxels.resize(static_cast<std::size_t>(layout.voxels()));
            for (float& voxel : voxels) {
                T stored;
                std::memcpy(&stored, at, sizeof(T));
                voxel = static_cast<float>(stored);
                at += layout.voxel_stride * std::int64_t{sizeof(T)};
            }
        }
    });
    const auto shared = std::make_shared<const NiftiHeader>(header);
    for (Volume& each : result) {
        each.header = shared;
        finish_reading(each);
    }
    return result;
}

template <class Io>
std::vector<Volume> read_with(const fs::path& path, const VolumeSelection& selection) {
    return with_second_attempt([&] { return read_once<Io>(path, selection); });
}

void set_geometry(itk::ImageIOBase& io, const Volume& volume) {
    const VoxelToWorld matrix = voxel_to_world(volume);
    io.SetNumberOfDimensions(3);
    itk::ImageIORegion region(3);
    for (unsigned axis = 0; axis < 3; ++axis) {
        const double mm = std::hypot(matrix[0][axis], matrix[1][axis], matrix[2][axis]);
        std::vector<double> direction(3);
        for (unsigned row = 0; row < 3; ++row)
            direction[row] = (row < 2 ? -1.0 : 1.0) * matrix[row][axis] / mm;
        const auto side = static_cast<itk::SizeValueType>(volume.size[axis]);
        io.SetDimensions(axis, side);
        region.SetSize(axis, side);
        io.SetSpacing(axis, mm);
        io.SetDirection(axis, direction);
        io.SetOrigin(axis, (axis < 2 ? -1.0 : 1.0) * matrix[axis][3]);
    }
    io.SetIORegion(region);
}

bool is_near(const VoxelToWorld& a, const VoxelToWorld& b) {
    constexpr double tolerance = 1e-3;  // headers round
    for (std::size_t row = 0; row < a.size(); ++row)
        for (std::size_t column = 0; column < a[row].size(); ++column)
            if (std::abs(a[row][column] - b[row][column]) > tolerance * (1.0 + std::abs(a[row][column])))
                return false;
    return true;
}

/// ITK and its libraries do not report every write that fails, so the file is read again. True if it holds
/// what was written.
template <class Io>
bool holds(const fs::path& path, const itk::ImageIOBase& written, std::span<const char> voxels) {
    try {
        const auto io = Io::New();
        io->SetFileName(path.string());
        io->ReadImageInformation();
        if (io->GetComponentType() != written.GetComponentType() ||
            static_cast<std::uintmax_t>(io->GetImageSizeInBytes()) != voxels.size() ||
            !is_near(matrix_of(*io), matrix_of(written)))
            return false;
        const std::vector<char> again = read_buffer(*io, voxels.size(), path);
        return std::equal(again.begin(), again.end(), voxels.begin());
    } catch (const itk::ExceptionObject&) {
        return false;
    } catch (const FileError&) {
        return false;
    }
}

/// Writes `target`; `path` is its name in messages.
template <class Io>
void write_once(const fs::path& target, const fs::path& path, const Volume& volume, const StoredType& type) {
    const auto io = Io::New();
    io->SetComponentType(component_of(type.datatype));
    io->SetPixelType(itk::IOPixelEnum::SCALAR);
    io->SetNumberOfComponents(1);
    set_geometry(*io, volume);
    io->SetUseCompression(true);
    io->SetFileName(target.string());
    with_itk(path, "cannot be written", [&] {
        with_stored_type(type.datatype, [&]<class T>() {
            std::vector<T> stored(volume.voxels.size());
            std::transform(volume.voxels.begin(), volume.voxels.end(), stored.begin(), stored_value<T>);
            io->Write(stored.data());
            const auto bytes = std::as_bytes(std::span(stored));
            require(holds<Io>(target, *io, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}),
                    path.string(), "cannot be written: what was written cannot be read again");
        });
    });
}

template <class Io>
void write_with(const fs::path& path, std::span<const Volume> volumes, const StoredType& type) {
    AtomicFile file(path);
    // ITK chooses the format by the extension, in lower case, so it writes through a link with another name.
    const TemporaryFolder folder;
    const fs::path link = folder.path() / ("link" + lower_case(path.extension().string()));
    fs::create_symlink(fs::absolute(file.temporary_path()), link);
    with_second_attempt([&] { write_once<Io>(link, path, volumes.front(), type); });
    file.commit();
}

/// Both formats have every type.
int same_type(int datatype) { return datatype; }

const VolumeFormatRegistration nrrd{{"NRRD",
                                     {".nrrd", ".nhdr"},
                                     {".nrrd"},
                                     read_with<itk::NrrdImageIO>,
                                     write_with<itk::NrrdImageIO>,
                                     false,
                                     false,
                                     same_type}};
const VolumeFormatRegistration meta_image{{"MetaImage",
                                           {".mha", ".mhd"},
                                           {".mha"},
                                           read_with<itk::MetaImageIO>,
                                           write_with<itk::MetaImageIO>,
                                           false,
                                           false,
                                           same_type}};

}  // namespace
}  // namespace dnsp::imaging
