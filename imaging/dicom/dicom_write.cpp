#include <fmt/format.h>
#include <gdcmAttribute.h>
#include <gdcmFileMetaInformation.h>
#include <gdcmSequenceOfItems.h>
#include <gdcmWriter.h>

#include <fcntl.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <sstream>
#include <string_view>

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "base/number.hpp"
#include "base/sha256.hpp"
#include "base/unfinished.hpp"
#include "imaging/dicom/dicom.hpp"
#include "imaging/dicom/dicom_source.hpp"
#include "imaging/geometry.hpp"
#include "imaging/padding.hpp"
#include "imaging/storage.hpp"

namespace dnsp::imaging {
namespace {

namespace fs = std::filesystem;

constexpr const char* mr_image_class = "1.2.840.10008.5.1.4.1.1.4";
constexpr int series_number_offset = 1000;
__extension__ using Uint128 = unsigned __int128;

/// A UID of the form 2.25.<integer> (PS3.5 B.2), a function of the text.
std::string uid_of(const std::string& text) {
    const std::string digest = sha256_of_text(text);
    Uint128 number = 0;
    for (std::size_t i = 0; i < 32; ++i)
        number = number * 16 + static_cast<unsigned>(std::stoi(digest.substr(i, 1), nullptr, 16));
    std::string digits;
    for (; number != 0 || digits.empty(); number /= 10)
        digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(number % 10)));
    return "2.25." + digits;
}

/// The value of an integer string (IS), 0 for any other text.
int integer_of(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    text = text.substr(0, text.find_last_not_of(' ') + 1);
    if (text.starts_with('+')) text.remove_prefix(1);
    return number_of<int>(text).value_or(0);
}

/// Sets an element of text, padded to an even length.
void set_text(gdcm::DataSet& data, std::uint16_t group, std::uint16_t element, gdcm::VR vr,
              std::string text) {
    if (text.size() % 2 == 1) text.push_back(vr == gdcm::VR::UI ? '\0' : ' ');
    gdcm::DataElement entry(gdcm::Tag(group, element));
    entry.SetVR(vr);
    entry.SetByteValue(text.data(), static_cast<std::uint32_t>(text.size()));
    data.Replace(entry);
}

/// `vr`: US, or SS for the bits of a signed number.
void set_number(gdcm::DataSet& data, std::uint16_t group, std::uint16_t element, std::uint16_t number,
                gdcm::VR vr = gdcm::VR::US) {
    gdcm::DataElement entry(gdcm::Tag(group, element));
    entry.SetVR(vr);
    entry.SetByteValue(reinterpret_cast<const char*>(&number), sizeof number);
    data.Replace(entry);
}

/// A decimal string (DS) of at most 16 characters.
std::string decimal(double number) {
    for (int digits = 14; digits > 0; --digits)
        if (std::string text = fmt::format("{:.{}g}", number, digits); text.size() <= 16) return text;
    return "0";
}

/// True for what a derived classic image does not take over: private attributes, overlays, icons, functional
/// groups and other attributes of multi-frame images, and descriptions of the old pixels.
bool is_left_out(const gdcm::Tag& tag) {
    const std::uint16_t group = tag.GetGroup(), element = tag.GetElement();
    if (group % 2 == 1 || group == 0x5200 || (group & 0xff00) == 0x6000 || group == 0x0088 || group == 0x7fe0)
        return true;
    if ((group == 0x0008 || group == 0x0018 || group == 0x0020) && element >= 0x9000) return true;
    return group == 0x0028;
}

/// The data set of an image that is derived from `image`, without geometry and pixels.
gdcm::DataSet derived_from(const DicomImage& image, const std::string& description) {
    const gdcm::DataSet& source = image.file->GetDataSet();
    gdcm::DataSet data;
    for (const gdcm::DataElement& element : source.GetDES())
        if (!is_left_out(element.GetTag())) data.Insert(element);
    // Values 3 and following describe the kind of image, e.g. M for magnitude.
    std::string type = "DERIVED\\SECONDARY";
    const std::string old = text_of(source, gdcm::Tag(0x0008, 0x0008));
    if (const auto second = old.find('\\'); second != std::string::npos)
        if (const auto third = old.find('\\', second + 1); third != std::string::npos)
            type += old.substr(third);
    set_text(data, 0x0008, 0x0008, gdcm::VR::CS, type);
    set_text(data, 0x0008, 0x0016, gdcm::VR::UI, mr_image_class);
    const std::string name = text_of(source, gdcm::Tag(0x0008, 0x103e));
    set_text(data, 0x0008, 0x103e, gdcm::VR::LO,
             (name.empty() ? description : name + " " + description).substr(0, 64));
    set_text(data, 0x0008, 0x2111, gdcm::VR::ST, "Super-resolution by " + description);
    set_text(data, 0x0028, 0x0301, gdcm::VR::CS, "NO");  // BurnedInAnnotation

    gdcm::Item item;
    item.SetVLToUndefined();
    set_text(item.GetNestedDataSet(), 0x0008, 0x1150, gdcm::VR::UI,
             text_of(source, gdcm::Tag(0x0008, 0x0016)));
    set_text(item.GetNestedDataSet(), 0x0008, 0x1155, gdcm::VR::UI,
             text_of(source, gdcm::Tag(0x0008, 0x0018)));
    gdcm::SmartPointer<gdcm::SequenceOfItems> items = new gdcm::SequenceOfItems;
    items->SetLengthToUndefined();
    items->AddItem(item);
    gdcm::DataElement sources(gdcm::Tag(0x0008, 0x2112));  // SourceImageSequence
    sources.SetVR(gdcm::VR::SQ);
    sources.SetValue(*items);
    sources.SetVLToUndefined();
    data.Replace(sources);
    return data;
}

/// How intensities are stored in 16 bits.
struct Scale {
    double slope = 1.0, intercept = 0.0;
    bool is_signed = false;
    std::string change = {};  ///< a sentence, if it is not that of the source
};

/// The source's rescaling if all images share one, the intensities fit, and rounding is fine enough; else one
/// that covers them.
Scale scale_of(const Volume& volume, const DicomSource& source) {
    const auto [least, largest] = std::minmax_element(volume.voxels.begin(), volume.voxels.end());
    const DicomImage& first = source.images.front();
    const bool common = std::all_of(source.images.begin(), source.images.end(), [&](const DicomImage& image) {
        return image.slope == first.slope && image.intercept == first.intercept;
    });
    const double a = (*least - first.intercept) / first.slope, b = (*largest - first.intercept) / first.slope;
    const double low = std::min(a, b), high = std::max(a, b);
    const bool fits_unsigned = low > -0.5 && high < 65535.5;
    const bool fits_signed = low > -32768.5 && high < 32767.5;
    const bool fits = fits_unsigned || fits_signed;
    const bool coarse = is_coarse(std::span(&volume, 1), first.slope, first.intercept);
    if (common && fits && !coarse) return {first.slope, first.intercept, !fits_unsigned};
    Scale scale{(double{*largest} - *least) / 65535.0, *least, false};
    if (scale.slope == 0.0) scale.slope = 1.0;
    const std::string reason =
        !common ? "the images of the source have several rescalings"
        : fits  ? fmt::format("steps of {:.4g} are coarse for the intensities of the result", first.slope)
                : fmt::format(
                      "intensities from {:.4g} to {:.4g} do not fit 16 bits with slope {:.4g} and "
                       "intercept {:.4g}",
                      *least, *largest, first.slope, first.intercept);
    scale.change = fmt::format("{}; written with slope {:.4g} and intercept {:.4g}", reason, scale.slope,
                               scale.intercept);
    return scale;
}

std::vector<std::uint16_t> stored_slice(const Volume& volume, int slice, const Scale& scale) {
    const std::size_t count =
        static_cast<std::size_t>(volume.size[0]) * static_cast<std::size_t>(volume.size[1]);
    const float* pixels = &volume.voxels[count * static_cast<std::size_t>(slice)];
    std::vector<std::uint16_t> stored(count);
    const double low = scale.is_signed ? -32768.0 : 0.0, high = scale.is_signed ? 32767.0 : 65535.0;
    for (std::size_t i = 0; i < count; ++i) {
        const double value = std::clamp(std::round((pixels[i] - scale.intercept) / scale.slope), low, high);
        stored[i] = scale.is_signed ? static_cast<std::uint16_t>(static_cast<std::int16_t>(value))
                                    : static_cast<std::uint16_t>(value);
    }
    return stored;
}

/// Geometry of the volume in DICOM's coordinates (LPS): the columns of the affine matrix.
std::array<Vector3, 4> geometry_of(const Volume& volume) {
    const VoxelToWorld world = voxel_to_world(volume);
    std::array<Vector3, 4> columns{};
    for (std::size_t j = 0; j < 4; ++j)
        for (std::size_t i = 0; i < 3; ++i) columns[j][i] = (i < 2 ? -1.0 : 1.0) * world[i][j];
    return columns;
}

std::string joined(const Vector3& v) { return decimal(v[0]) + "\\" + decimal(v[1]) + "\\" + decimal(v[2]); }

const DicomImage& nearest_image(const DicomSource& source, const Vector3& position) {
    const double at = dot(position, source.normal);
    return *std::min_element(source.images.begin(), source.images.end(), [&](const auto& a, const auto& b) {
        return std::abs(dot(a.position, source.normal) - at) < std::abs(dot(b.position, source.normal) - at);
    });
}

void write_file(const fs::path& path, const gdcm::DataSet& data, const DicomImage& image) {
    gdcm::Writer writer;
    gdcm::File& file = writer.GetFile();
    file.SetDataSet(data);
    // Elements of a file without value representations have none to write.
    const bool is_implicit = image.file->GetHeader().GetDataSetTransferSyntax().IsImplicit();
    file.GetHeader().SetDataSetTransferSyntax(is_implicit ? gdcm::TransferSyntax::ImplicitVRLittleEndian
                                                          : gdcm::TransferSyntax::ExplicitVRLittleEndian);
    // GDCM does not report that a disk is full when it closes a file.
    std::ostringstream bytes;
    writer.SetStream(bytes);
    require(writer.Write(), path.string(), "cannot be written");
    write_atomically(path, bytes.str());
}

/// Throws FileError for a folder that holds anything but DICOM files: it would be lost.
void require_replaceable(const fs::path& folder) {
    if (!fs::exists(folder)) return;
    require(fs::is_directory(folder), folder.string(), "is not a folder");
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
        require(
            entry.is_regular_file() && is_dicom(entry.path()), folder.string(),
            "holds other files than DICOM (" + entry.path().filename().string() + "), so it is not replaced");
}

/// A folder that receives its name at the end; the destructor removes what has none.
class AtomicFolder {
  public:
    AtomicFolder(fs::path name, bool replace)
        : name_(std::move(name)), part_(name_.parent_path() / ("." + name_.filename().string() + ".part")) {
        require(replace || !fs::exists(name_), name_.string(), "already exists");
        require_replaceable(name_);
        fs::remove_all(part_);
        std::error_code error;
        fs::create_directory(part_, error);
        require(!error, part_.string(), "cannot be created (" + error.message() + ")");
        unfinished_.emplace(part_);
    }
    ~AtomicFolder() {
        std::error_code ignored;
        fs::remove_all(part_, ignored);
    }
    AtomicFolder(const AtomicFolder&) = delete;
    AtomicFolder& operator=(const AtomicFolder&) = delete;
    const fs::path& part() const { return part_; }
    /// A folder that is replaced is removed last.
    void commit() {
        const bool replaces = fs::exists(name_);
        if (replaces && renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, name_.c_str(), RENAME_EXCHANGE) == 0) {
            fs::remove_all(part_);
        } else {
            // Not every file system can exchange names.
            const fs::path old = name_.parent_path() / ("." + name_.filename().string() + ".old");
            fs::remove_all(old);  // of a process that was killed here
            if (replaces) rename(name_, old);
            rename(part_, name_);
            fs::remove_all(old);
        }
        unfinished_.reset();
    }

  private:
    static void rename(const fs::path& from, const fs::path& to) {
        std::error_code error;
        fs::rename(from, to, error);
        require(!error, from.string(),
                "cannot be renamed to " + to.filename().string() + " (" + error.message() + ")");
    }

    fs::path name_, part_;
    std::optional<Unfinished> unfinished_;
};

}  // namespace

std::string write_dicom(const fs::path& folder, const Volume& volume, const DicomSource& source,
                        const std::string& description, bool replace) {
    AtomicFolder out(folder, replace);
    const auto [along_row, along_column, step, origin] = geometry_of(volume);
    const auto length = [](const Vector3& v) { return std::sqrt(dot(v, v)); };
    const double column_mm = length(along_row), row_mm = length(along_column), slice_mm = length(step);
    const auto scaled = [](const Vector3& v, double by) { return Vector3{v[0] / by, v[1] / by, v[2] / by}; };
    const Scale scale = scale_of(volume, source);
    const std::string bytes(reinterpret_cast<const char*>(volume.voxels.data()),
                            volume.voxels.size() * sizeof(float));
    const gdcm::DataSet& any = source.images.front().file->GetDataSet();
    const std::string series_seed = text_of(any, gdcm::Tag(0x0020, 0x000e)) + sha256_of_text(bytes);
    const std::int64_t old_number = integer_of(text_of(any, gdcm::Tag(0x0020, 0x0011)));
    const bool thinner = volume.size[2] != static_cast<int>(source.images.size());
    for (int slice = 0; slice < volume.size[2]; ++slice) {
        Vector3 position{};
        for (std::size_t i = 0; i < 3; ++i) position[i] = origin[i] + slice * step[i];
        const DicomImage& image = nearest_image(source, position);
        gdcm::DataSet data = derived_from(image, description);
        set_text(data, 0x0008, 0x0018, gdcm::VR::UI, uid_of(fmt::format("{} {}", series_seed, slice)));
        set_text(data, 0x0020, 0x000e, gdcm::VR::UI, uid_of(series_seed));
        set_text(data, 0x0020, 0x0011, gdcm::VR::IS, std::to_string(old_number + series_number_offset));
        set_text(data, 0x0020, 0x0013, gdcm::VR::IS, std::to_string(slice + 1));
        set_text(data, 0x0020, 0x0032, gdcm::VR::DS, joined(position));
        set_text(data, 0x0020, 0x0037, gdcm::VR::DS,
                 joined(scaled(along_row, column_mm)) + "\\" + joined(scaled(along_column, row_mm)));
        set_text(data, 0x0020, 0x1041, gdcm::VR::DS, decimal(dot(position, source.normal)));
        set_text(data, 0x0028, 0x0030, gdcm::VR::DS, decimal(row_mm) + "\\" + decimal(column_mm));
        set_text(data, 0x0018, 0x0088, gdcm::VR::DS, decimal(slice_mm));
        if (thinner) set_text(data, 0x0018, 0x0050, gdcm::VR::DS, decimal(slice_mm));
        set_number(data, 0x0028, 0x0002, 1);
        set_text(data, 0x0028, 0x0004, gdcm::VR::CS, "MONOCHROME2");
        set_number(data, 0x0028, 0x0010, static_cast<std::uint16_t>(volume.size[1]));
        set_number(data, 0x0028, 0x0011, static_cast<std::uint16_t>(volume.size[0]));
        set_number(data, 0x0028, 0x0100, 16);
        set_number(data, 0x0028, 0x0101, 16);
        set_number(data, 0x0028, 0x0102, 15);
        set_number(data, 0x0028, 0x0103, scale.is_signed ? 1 : 0);
        if (scale.slope != 1.0 || scale.intercept != 0.0) {
            set_text(data, 0x0028, 0x1052, gdcm::VR::DS, decimal(scale.intercept));
            set_text(data, 0x0028, 0x1053, gdcm::VR::DS, decimal(scale.slope));
            set_text(data, 0x0028, 0x1054, gdcm::VR::LO, "US");
        }
        if (volume.padding) {
            const double stored = std::round((volume.padding->value - scale.intercept) / scale.slope);
            set_number(data, 0x0028, 0x0120, static_cast<std::uint16_t>(static_cast<std::int32_t>(stored)),
                       scale.is_signed ? gdcm::VR::SS : gdcm::VR::US);
        }
        // The window of the source holds for its intensities.
        for (const gdcm::Tag& tag : {gdcm::Tag(0x0028, 0x1050), gdcm::Tag(0x0028, 0x1051)})
            if (image.file->GetDataSet().FindDataElement(tag))
                data.Replace(image.file->GetDataSet().GetDataElement(tag));
        const std::vector<std::uint16_t> stored = stored_slice(volume, slice, scale);
        gdcm::DataElement pixels(gdcm::Tag(0x7fe0, 0x0010));
        pixels.SetVR(gdcm::VR::OW);
        pixels.SetByteValue(reinterpret_cast<const char*>(stored.data()),
                            static_cast<std::uint32_t>(stored.size() * sizeof(std::uint16_t)));
        data.Replace(pixels);
        write_file(out.part() / fmt::format("IM{:04}.dcm", slice + 1), data, image);
    }
    out.commit();
    return scale.change;
}

}  // namespace dnsp::imaging
