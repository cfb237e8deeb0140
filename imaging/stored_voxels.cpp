#include "imaging/stored_voxels.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "base/error.hpp"
#include "imaging/nifti_header.hpp"
#include "imaging/padding.hpp"
#include "imaging/storage.hpp"

namespace dnsp::imaging {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{1} << 20;

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

/// Steps of single precision above this share of the intensity range are worth a note.
constexpr double coarsest_precision = 0.001;

/// Adds a note if float32 has coarse steps at the intensities, and the file has finer ones.
void note_precision(Volume& volume) {
    const NiftiHeader header = volume.header ? *volume.header : plain_header(volume);
    const IntensityScale scale = intensity_scale(header);
    const bool scaled = scale.slope != 1.0 || scale.intercept != 0.0;
    if (header.fields.datatype == DT_FLOAT32 && !scaled) return;
    float largest = 0.0f;
    for (const float voxel : volume.voxels) largest = std::max(largest, std::abs(voxel));
    const double step =
        double{std::nextafter(largest, std::numeric_limits<float>::infinity())} - double{largest};
    if (header.fields.datatype != DT_FLOAT64 && !scaled && step <= 1.0) return;  // integers are exact
    const double range = robust_range(std::span(&volume, 1));
    if (range > 0.0 && step > coarsest_precision * range)
        volume.notes.push_back(fmt::format(
            "intensities are read in single precision, which has steps of {:.4g} at {:.4g}: coarse "
            "for a range of {:.4g}",
            step, largest, range));
}

std::string count_text(std::int64_t bad) {
    return fmt::format("{} {}", bad, bad == 1 ? "voxel is" : "voxels are");
}

std::int64_t count_not_finite(const std::vector<float>& voxels) {
    return std::count_if(voxels.begin(), voxels.end(), [](float x) { return !std::isfinite(x); });
}

/// Throws FileError for sizes and positions that no scan has, and that would not survive single precision.
void require_possible_geometry(const Volume& volume) {
    constexpr double least_mm = 1e-6, most_mm = 1e6, farthest_mm = 1e9;
    for (std::size_t axis = 0; axis < 3; ++axis) {
        const double size = volume.voxel_size_mm[axis];
        require(size >= least_mm && size <= most_mm, volume.path,
                fmt::format("damaged header, a voxel is {} mm long along {}", size, "xyz"[axis]));
    }
    if (!volume.header) return;
    for (const auto& row : voxel_to_world(*volume.header))
        for (const double entry : row)
            require(!(std::abs(entry) > farthest_mm), volume.path,
                    fmt::format("damaged header, its matrix of positions has the entry {} mm", entry));
}

}  // namespace

std::int64_t StoredType::bytes() const {
    std::int64_t size = 0;
    with_stored_type(datatype, [&]<class T>() { size = sizeof(T); });
    return size;
}

std::vector<float> read_voxels(GzipReader& file, const StoredType& type, std::int64_t count) {
    std::vector<float> voxels;
    with_stored_type(type.datatype, [&]<class T>() {
        const std::size_t total = static_cast<std::size_t>(count) * sizeof(T);
        // A damaged header does not reserve more memory than the file can fill.
        const std::uintmax_t most_voxels = file.most_bytes() / sizeof(T);
        voxels.reserve(std::min<std::uintmax_t>(count, most_voxels));
        std::vector<unsigned char> chunk(
            std::min<std::uintmax_t>(chunk_bytes, (most_voxels + 1) * sizeof(T)));
        for (std::size_t done = 0; done < total;) {
            const std::size_t asked = std::min(chunk.size(), total - done);
            const std::size_t got = file.read(chunk.data(), asked);
            done += got;
            require(got == asked, file.path(),
                    fmt::format("truncated, {} of {} voxel bytes are there", done, total));
            const std::size_t part = got / sizeof(T);
            if (type.swapped && sizeof(T) > 1)
                nifti_swap_Nbytes(static_cast<std::int64_t>(part), sizeof(T), chunk.data());
            append_intensities<T>(chunk, part, type.scale, voxels);
        }
    });
    return voxels;
}

void write_voxels(GzipWriter& file, const StoredType& type, std::span<const float> voxels) {
    with_stored_type(type.datatype, [&]<class T>() {
        constexpr std::size_t chunk_voxels = chunk_bytes / sizeof(T);
        std::vector<T> chunk;
        for (std::size_t first = 0; first < voxels.size(); first += chunk_voxels) {
            const auto part = voxels.subspan(first, std::min(chunk_voxels, voxels.size() - first));
            chunk.resize(part.size());
            std::transform(part.begin(), part.end(), chunk.begin(), [&](float x) {
                return stored_value<T>((x - type.scale.intercept) / type.scale.slope);
            });
            if (type.swapped && sizeof(T) > 1)
                nifti_swap_Nbytes(static_cast<std::int64_t>(chunk.size()), sizeof(T), chunk.data());
            file.write(std::as_bytes(std::span(chunk)));
        }
    });
}

void require_image(const std::array<std::int64_t, 3>& size, const std::string& path) {
    require(std::count(size.begin(), size.end(), 1) < 2, path,
            fmt::format("a line of {}×{}×{} voxels, not an image", size[0], size[1], size[2]));
}

void require_usable_intensities(const std::vector<float>& voxels, const std::string& path) {
    const std::int64_t bad = count_not_finite(voxels);
    require(bad == 0, path, count_text(bad) + " NaN or infinite");
    const float first = voxels.front();
    require(!std::all_of(voxels.begin(), voxels.end(), [=](float x) { return x == first; }), path,
            fmt::format("every voxel is {}, read in single precision", first));
}

void finish_reading(Volume& volume, std::optional<float> padding) {
    require_possible_geometry(volume);
    require_usable_intensities(volume.voxels, volume.path);
    replace_padding(volume, padding);
    note_precision(volume);
}

void require_writable_voxels(const Volume& volume, const std::string& path) {
    std::size_t count = 1;
    for (const int side : volume.size) {
        require(side >= 1, path, fmt::format("cannot hold a volume with a side of {} voxels", side));
        count *= static_cast<std::size_t>(side);
    }
    require(count == volume.voxels.size(), path,
            fmt::format("volume of {}×{}×{} has {} voxels", volume.size[0], volume.size[1], volume.size[2],
                        volume.voxels.size()));
    const std::int64_t bad = count_not_finite(volume.voxels);
    require(bad == 0, path, "not written, " + count_text(bad) + " NaN or infinite");
}

void require_writable_series(std::span<const Volume> volumes, const std::string& path) {
    require(!volumes.empty(), path, "there is no volume to write");
    for (const Volume& volume : volumes) {
        require_writable_voxels(volume, path);
        require(volume.size == volumes.front().size, path, "the volumes of a series have one size");
    }
}

}  // namespace dnsp::imaging
