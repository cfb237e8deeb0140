#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gdcmAttribute.h>
#include <gdcmImage.h>
#include <gdcmImageReader.h>
#include <gdcmSequenceOfItems.h>
#include <gdcmTrace.h>

#include <nifti2_io.h>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <sstream>

#include "base/error.hpp"
#include "base/file_reader.hpp"
#include "base/number.hpp"
#include "imaging/dicom/dicom.hpp"
#include "imaging/dicom/dicom_source.hpp"
#include "imaging/dicom/readable.hpp"
#include "imaging/nifti_header.hpp"
#include "imaging/stored_voxels.hpp"

namespace dnsp::imaging {
namespace {

namespace fs = std::filesystem;

constexpr const char* directory_class = "1.2.840.10008.1.3.10";  // Media Storage Directory
constexpr double direction_tolerance = 1e-3;
/// Relative to the mean distance of images; headers round positions.
constexpr double spacing_tolerance = 0.02;

const gdcm::Tag series_uid(0x0020, 0x000e), series_number(0x0020, 0x0011), series_description(0x0008, 0x103e),
    image_type(0x0008, 0x0008), frame_count(0x0028, 0x0008), image_position(0x0020, 0x0032),
    image_orientation(0x0020, 0x0037), pixel_spacing(0x0028, 0x0030), slice_thickness(0x0018, 0x0050),
    rescale_slope(0x0028, 0x1053), rescale_intercept(0x0028, 0x1052), pixel_padding(0x0028, 0x0120),
    shared_groups(0x5200, 0x9229), frame_groups(0x5200, 0x9230), plane_position(0x0020, 0x9113),
    plane_orientation(0x0020, 0x9116), pixel_measures(0x0028, 0x9110), value_transformation(0x0028, 0x9145);

/// An image with what decides whether it belongs to the others.
struct Frame {
    DicomImage image;
    std::string series;
    int columns = 0, rows = 0;
    Vector3 row{}, column{};
    double column_mm = 0.0, row_mm = 0.0;  ///< distance of neighbouring columns, and of rows
    double slice_mm = 0.0;                 ///< thickness; 0: not known
    gdcm::PixelFormat::ScalarType type = gdcm::PixelFormat::UINT16;
    std::vector<float> stored;
    std::optional<double> padding = {};  ///< stored value of PixelPaddingValue
};

bool has_magic(const fs::path& path) {
    FileReader file(path);
    char bytes[132] = {};
    return file.read(bytes, sizeof bytes) == sizeof bytes && std::memcmp(bytes + 128, "DICM", 4) == 0;
}

/// The numbers of an element of text (DS, IS), separated by backslashes, each maybe with a plus sign and
/// spaces around it (PS3.5 6.2). Throws FileError for other text.
std::vector<double> numbers_of(const gdcm::DataSet& data, const gdcm::Tag& tag, const std::string& path) {
    std::vector<double> numbers;
    const std::string text = text_of(data, tag);
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\\', start), text.size());
        std::string_view part = std::string_view(text).substr(start, end - start);
        part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
        part = part.substr(0, part.find_last_not_of(' ') + 1);
        if (part.starts_with('+')) part.remove_prefix(1);
        const auto number = number_of<double>(part);
        require(number.has_value(), path,
                fmt::format("element ({:04x},{:04x}) \"{}\" is not a list of numbers", tag.GetGroup(),
                            tag.GetElement(), text));
        numbers.push_back(*number);
        start = end + 1;
    }
    return numbers;
}

/// The first item of a sequence; null if there is none.
gdcm::SmartPointer<gdcm::SequenceOfItems> sequence_of(const gdcm::DataSet& data, const gdcm::Tag& tag) {
    if (!data.FindDataElement(tag)) return nullptr;
    return data.GetDataElement(tag).GetValueAsSQ();
}

/// The data sets in which attributes of a frame stand, in the order in which they are searched: for classic
/// images the image itself, for enhanced ones the frame's functional groups, then those of all frames.
class Groups {
  public:
    Groups(const gdcm::DataSet& data, int frame) : data_(data) {
        frames_ = sequence_of(data, frame_groups);
        shared_ = sequence_of(data, shared_groups);
        if (frames_ && frame < static_cast<int>(frames_->GetNumberOfItems()))
            places_.push_back(&frames_->GetItem(static_cast<std::size_t>(frame) + 1).GetNestedDataSet());
        if (shared_ && shared_->GetNumberOfItems() > 0)
            places_.push_back(&shared_->GetItem(1).GetNestedDataSet());
    }

    /// The numbers of `tag`, in the functional group `group` or in the image; empty if absent.
    std::vector<double> numbers(const gdcm::Tag& group, const gdcm::Tag& tag, const std::string& path) const {
        for (const gdcm::DataSet* place : places_) {
            const auto items = sequence_of(*place, group);
            if (items && items->GetNumberOfItems() > 0) {
                const gdcm::DataSet& item = items->GetItem(1).GetNestedDataSet();
                if (item.FindDataElement(tag)) return numbers_of(item, tag, path);
            }
        }
        return numbers_of(data_, tag, path);
    }

  private:
    const gdcm::DataSet& data_;
    gdcm::SmartPointer<gdcm::SequenceOfItems> frames_, shared_;
    std::vector<const gdcm::DataSet*> places_;
};

Vector3 unit(const double* v, const std::string& path) {
    const double length = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    require(std::abs(length - 1.0) < 0.01, path, "its ImageOrientationPatient has no unit vectors");
    return {v[0] / length, v[1] / length, v[2] / length};
}

Vector3 cross(const Vector3& a, const Vector3& b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

void read_geometry(Frame& frame, const Groups& groups) {
    const std::string& path = frame.image.path;
    const auto position = groups.numbers(plane_position, image_position, path),
               orientation = groups.numbers(plane_orientation, image_orientation, path),
               spacing = groups.numbers(pixel_measures, pixel_spacing, path),
               slope = groups.numbers(value_transformation, rescale_slope, path),
               intercept = groups.numbers(value_transformation, rescale_intercept, path);
    require(position.size() == 3 && orientation.size() == 6 && spacing.size() == 2, path,
            "has no position, orientation or pixel size");
    require(spacing[0] > 0.0 && spacing[1] > 0.0, path, "its PixelSpacing is not positive");
    std::copy(position.begin(), position.end(), frame.image.position.begin());
    frame.row = unit(&orientation[0], path);
    frame.column = unit(&orientation[3], path);
    require(std::abs(dot(frame.row, frame.column)) < 0.01, path,
            "its rows and columns are not perpendicular");
    const auto thickness = groups.numbers(pixel_measures, slice_thickness, path);
    if (!thickness.empty() && thickness[0] > 0.0) frame.slice_mm = thickness[0];
    frame.row_mm = spacing[0];
    frame.column_mm = spacing[1];
    if (!slope.empty() && slope[0] != 0.0) frame.image.slope = slope[0];
    if (!intercept.empty()) frame.image.intercept = intercept[0];
}

template <class T>
std::vector<float> as_floats(const std::vector<char>& bytes, std::size_t first, std::size_t count) {
    std::vector<T> values(count);
    std::memcpy(values.data(), bytes.data() + first * sizeof(T), count * sizeof(T));
    return {values.begin(), values.end()};
}

std::vector<float> stored_values(gdcm::PixelFormat::ScalarType type, const std::vector<char>& bytes,
                                 std::size_t first, std::size_t count, const std::string& path) {
    switch (type) {
        case gdcm::PixelFormat::UINT8:
            return as_floats<std::uint8_t>(bytes, first, count);
        case gdcm::PixelFormat::INT8:
            return as_floats<std::int8_t>(bytes, first, count);
        case gdcm::PixelFormat::UINT12:
        case gdcm::PixelFormat::UINT16:
            return as_floats<std::uint16_t>(bytes, first, count);
        case gdcm::PixelFormat::INT12:
        case gdcm::PixelFormat::INT16:
            return as_floats<std::int16_t>(bytes, first, count);
        default:
            throw FileError(path + ": its pixels have neither 8 nor 16 bits");
    }
}

/// PixelPaddingValue; empty if there is none.
std::optional<double> padding_of(const gdcm::DataSet& data, bool is_signed) {
    if (!data.FindDataElement(pixel_padding)) return std::nullopt;
    const gdcm::ByteValue* value = data.GetDataElement(pixel_padding).GetByteValue();
    std::uint16_t bits = 0;
    if (value == nullptr || value->GetLength() < sizeof bits) return std::nullopt;
    std::memcpy(&bits, value->GetPointer(), sizeof bits);
    return is_signed ? static_cast<double>(static_cast<std::int16_t>(bits)) : static_cast<double>(bits);
}

/// GDCM completes pixels that a file lacks with zeros. Throws FileError if the file ends before the `count`
/// bytes of its uncompressed pixels.
void require_whole(const fs::path& path, const std::string& bytes, std::size_t count) {
    const auto length = static_cast<std::uint32_t>(count + count % 2);
    // The element PixelData begins with its tag, in explicit encodings its value representation, and its
    // length.
    for (const std::string& start :
         {std::string("\xe0\x7f\x10\x00", 4), std::string("\xe0\x7f\x10\x00OW\0\0", 8),
          std::string("\xe0\x7f\x10\x00OB\0\0", 8)}) {
        const std::string head = start + std::string(reinterpret_cast<const char*>(&length), sizeof length);
        const std::size_t found = bytes.rfind(head);
        require(found == std::string::npos || found + head.size() + count <= bytes.size(), path.string(),
                "is truncated: its pixels are incomplete");
    }
}

/// The images of a file; none for a DICOMDIR.
std::vector<Frame> read_file(const fs::path& path) {
    const std::string name = path.string();
    // GDCM aborts the program at some errors of reading, so it reads from memory.
    const std::string content = read_text(path);
    std::istringstream stream(content);
    gdcm::ImageReader reader;
    reader.SetStream(stream);
    const bool decoded = reader.Read();
    const gdcm::SmartPointer<gdcm::File> file = &reader.GetFile();
    const gdcm::DataSet& data = file->GetDataSet();
    if (text_of(file->GetHeader(), gdcm::Tag(0x0002, 0x0002)) == directory_class) return {};
    require(decoded, name, "cannot be decoded as a DICOM image");
    const gdcm::Image& image = reader.GetImage();
    require(image.GetPixelFormat().GetSamplesPerPixel() == 1 &&
                image.GetPhotometricInterpretation() == gdcm::PhotometricInterpretation::MONOCHROME2,
            name, "is not a greyscale image (MONOCHROME2)");
    require(text_of(data, image_type).find("MOSAIC") == std::string::npos, name,
            "is a mosaic, whose tiles have no positions of their own");
    require(can_hold_its_pixels(image, path), name, "its header claims more pixels than the file can hold");
    const auto columns = static_cast<std::size_t>(image.GetDimension(0)),
               rows = static_cast<std::size_t>(image.GetDimension(1));
    const std::size_t frames = image.GetNumberOfDimensions() > 2 ? image.GetDimension(2) : 1;
    const std::size_t bytes_of_pixel = image.GetPixelFormat().GetPixelSize();
    std::vector<char> bytes(image.GetBufferLength());
    require(bytes.size() == columns * rows * frames * bytes_of_pixel && image.GetBuffer(bytes.data()), name,
            "its pixels cannot be decoded");
    require_whole(path, content, bytes.size());
    std::vector<Frame> result;
    for (std::size_t i = 0; i < frames; ++i) {
        Frame frame;
        frame.image.file = file;
        frame.image.frame = static_cast<int>(i);
        frame.image.path = name;
        frame.series = text_of(data, series_uid);
        frame.columns = static_cast<int>(columns);
        frame.rows = static_cast<int>(rows);
        frame.type = image.GetPixelFormat().GetScalarType();
        frame.padding = padding_of(data, image.GetPixelFormat().GetPixelRepresentation() != 0);
        read_geometry(frame, Groups(data, frame.image.frame));
        frame.stored = stored_values(frame.type, bytes, i * columns * rows, columns * rows, name);
        result.push_back(std::move(frame));
    }
    return result;
}

std::vector<fs::path> files_of(const fs::path& path) {
    if (!fs::is_directory(path)) return {path};
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(path))
        if (entry.is_regular_file() && has_magic(entry.path())) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

/// Keeps the frames of the chosen series. Throws FileError, naming the series, without a clear choice.
std::vector<Frame> choose_series(std::vector<Frame> frames, const std::string& chosen,
                                 const std::string& path) {
    std::map<std::string, std::vector<Frame>> series;
    for (Frame& frame : frames) series[frame.series].push_back(std::move(frame));
    const auto number = [](const std::vector<Frame>& images) {
        return text_of(images.front().image.file->GetDataSet(), series_number);
    };
    std::vector<std::string> names, fitting;
    for (const auto& [uid, images] : series) {
        names.push_back(fmt::format("{} ({}, {} images)", number(images),
                                    text_of(images.front().image.file->GetDataSet(), series_description),
                                    images.size()));
        if (chosen.empty() || uid == chosen || number(images) == chosen) fitting.push_back(uid);
    }
    require(fitting.size() == 1, path,
            fmt::format("{}: {}",
                        chosen.empty() ? "holds several series, choose one with --series"
                                       : "--series " + chosen + " names no series or several, there are",
                        fmt::join(names, ", ")));
    return std::move(series[fitting.front()]);
}

/// Sorts the frames by position and checks that they are one stack. Returns the mean step between them, for
/// one frame its thickness along the normal.
Vector3 sort_stack(std::vector<Frame>& frames, const Vector3& normal, const std::string& path) {
    const Frame& first = frames.front();
    for (const Frame& frame : frames) {
        require(frame.columns == first.columns && frame.rows == first.rows && frame.type == first.type &&
                    std::abs(frame.row_mm - first.row_mm) < 1e-3 * first.row_mm &&
                    std::abs(frame.column_mm - first.column_mm) < 1e-3 * first.column_mm,
                frame.image.path, "has another size, type or pixel size than other images of its series");
        require(dot(frame.row, first.row) > 1.0 - direction_tolerance &&
                    dot(frame.column, first.column) > 1.0 - direction_tolerance,
                frame.image.path, "has another orientation than other images of its series");
    }
    std::stable_sort(frames.begin(), frames.end(), [&](const Frame& a, const Frame& b) {
        return dot(a.image.position, normal) < dot(b.image.position, normal);
    });
    if (frames.size() == 1) {
        const double mm = first.slice_mm;
        return {mm * normal[0], mm * normal[1], mm * normal[2]};
    }
    const auto count = static_cast<double>(frames.size() - 1);
    const Vector3 &from = frames.front().image.position, &to = frames.back().image.position;
    const Vector3 step = {(to[0] - from[0]) / count, (to[1] - from[1]) / count, (to[2] - from[2]) / count};
    const double distance = dot(step, normal);
    const auto name = [](const Frame& frame) { return fs::path(frame.image.path).filename().string(); };
    const auto distance_to_next = [&](std::size_t i) {
        return dot(frames[i + 1].image.position, normal) - dot(frames[i].image.position, normal);
    };
    for (std::size_t i = 0; i + 1 < frames.size(); ++i)
        require(distance_to_next(i) > 0.05 * distance && distance > 1e-6, path,
                fmt::format("has several images at one position ({}, {}), for example echoes or repetitions",
                            name(frames[i]), name(frames[i + 1])));
    for (std::size_t i = 0; i + 1 < frames.size(); ++i)
        require(std::abs(distance_to_next(i) - distance) < spacing_tolerance * distance, path,
                fmt::format(
                    "its images are not evenly spaced: {:.4g} mm between {} and {}, {:.4g} mm on average; "
                    "is one missing?",
                    distance_to_next(i), name(frames[i]), name(frames[i + 1]), distance));
    const double length = std::sqrt(dot(step, step));
    require(distance > (1.0 - direction_tolerance) * length, path,
            "its images are shifted against each other (a tilted gantry), which is not supported");
    return step;
}

std::pair<int, int> nifti_type(gdcm::PixelFormat::ScalarType type) {
    switch (type) {
        case gdcm::PixelFormat::UINT8:
            return {DT_UINT8, 8};
        case gdcm::PixelFormat::INT8:
            return {DT_INT8, 8};
        case gdcm::PixelFormat::INT12:
        case gdcm::PixelFormat::INT16:
            return {DT_INT16, 16};
        default:
            return {DT_UINT16, 16};
    }
}

/// Geometry in RAS: x and y change their signs.
NiftiHeader header_of(const Volume& volume, const std::vector<Frame>& frames, const Vector3& step) {
    NiftiHeader header = plain_header(volume);
    nifti_2_header& fields = header.fields;
    const Frame& first = frames.front();
    const bool one_scale = std::all_of(frames.begin(), frames.end(), [&](const Frame& frame) {
        return frame.image.slope == first.image.slope && frame.image.intercept == first.image.intercept;
    });
    if (one_scale) {
        std::tie(fields.datatype, fields.bitpix) = nifti_type(first.type);
        fields.scl_slope = first.image.slope;
        fields.scl_inter = first.image.intercept;
    }
    VoxelToWorld matrix{};
    for (std::size_t i = 0; i < 3; ++i) {
        const double sign = i < 2 ? -1.0 : 1.0;
        matrix[i] = {sign * first.row[i] * first.column_mm, sign * first.column[i] * first.row_mm,
                     sign * step[i], sign * first.image.position[i]};
    }
    set_voxel_to_world(header, matrix);
    return header;
}

/// The intensity of PixelPaddingValue (PS3.3 C.7.5.1.1.2), if all images have it and the same one.
std::optional<float> declared_padding(const std::vector<Frame>& frames) {
    const auto intensity = [](const Frame& frame) -> std::optional<float> {
        if (!frame.padding) return std::nullopt;
        return static_cast<float>(frame.image.slope * *frame.padding + frame.image.intercept);
    };
    const auto first = intensity(frames.front());
    const bool common = std::all_of(frames.begin(), frames.end(),
                                    [&](const Frame& frame) { return intensity(frame) == first; });
    return common ? first : std::nullopt;
}

}  // namespace

std::string text_of(const gdcm::DataSet& data, const gdcm::Tag& tag) {
    if (!data.FindDataElement(tag)) return "";
    const gdcm::ByteValue* value = data.GetDataElement(tag).GetByteValue();
    if (value == nullptr) return "";
    std::string text(value->GetPointer(), value->GetLength());
    const std::size_t end = text.find_last_not_of(std::string(" \0", 2));
    text.resize(end == std::string::npos ? 0 : end + 1);
    return text;
}

bool is_dicom(const fs::path& path) {
    if (!fs::is_directory(path)) return fs::is_regular_file(path) && has_magic(path);
    for (const fs::directory_entry& entry : fs::directory_iterator(path))
        if (entry.is_regular_file() && has_magic(entry.path())) return true;
    return false;
}

DicomSeries read_dicom(const fs::path& path, const std::string& series) {
    gdcm::Trace::WarningOff();
    gdcm::Trace::ErrorOff();
    const std::vector<fs::path> files = files_of(path);
    require(!files.empty(), path.string(), "holds no DICOM image");
    require_readable(files);
    return read_dicom_unchecked(files, path, series);
}

DicomSeries read_dicom_unchecked(const std::vector<fs::path>& files, const fs::path& path,
                                 const std::string& series) {
    std::vector<Frame> frames;
    for (const fs::path& file : files)
        for (Frame& frame : read_file(file)) frames.push_back(std::move(frame));
    require(!frames.empty(), path.string(), "holds no DICOM image");
    frames = choose_series(std::move(frames), series, path.string());
    auto source = std::make_shared<DicomSource>();
    source->row = frames.front().row;
    source->column = frames.front().column;
    source->normal = cross(source->row, source->column);
    DicomSeries result;
    Volume& volume = result.volume;
    if (frames.size() == 1) {
        double& mm = frames.front().slice_mm;
        volume.notes.push_back(fmt::format("holds one image; the folder of its series makes a volume{}",
                                           mm > 0.0 ? "" : " (no slice thickness, 1 mm is assumed)"));
        if (mm == 0.0) mm = 1.0;
    }
    const Vector3 step = sort_stack(frames, source->normal, path.string());

    volume.path = path.string();
    volume.size = {frames.front().columns, frames.front().rows, static_cast<int>(frames.size())};
    volume.voxel_size_mm = {frames.front().column_mm, frames.front().row_mm, std::sqrt(dot(step, step))};
    for (const Frame& frame : frames) {
        for (const float value : frame.stored)
            volume.voxels.push_back(static_cast<float>(frame.image.slope * value + frame.image.intercept));
        source->images.push_back(frame.image);
    }
    volume.header = std::make_shared<const NiftiHeader>(header_of(volume, frames, step));
    finish_reading(volume, declared_padding(frames));
    result.source = std::move(source);
    return result;
}

}  // namespace dnsp::imaging
