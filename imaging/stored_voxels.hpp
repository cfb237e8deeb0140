#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "imaging/gzip_file.hpp"
#include "imaging/nifti_header.hpp"

// Voxels between memory and files, for every format. Private to imaging/.
namespace dnsp::imaging {

/// How voxels are stored: a NIfTI datatype code with with_stored_type(), and intensity = slope·stored +
/// intercept.
struct StoredType {
    int datatype = DT_FLOAT32;
    bool swapped = false;  ///< the file has the opposite byte order
    IntensityScale scale = {};

    std::int64_t bytes() const;
};

/// The next `count` voxels of a file as intensities. Throws FileError for a truncated file.
std::vector<float> read_voxels(GzipReader& file, const StoredType& type, std::int64_t count);

/// Writes intensities, rounded and clamped to an integer type.
void write_voxels(GzipWriter& file, const StoredType& type, std::span<const float> voxels);

/// Rounds and clamps to an integer type.
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

/// Throws FileError for a volume that has one voxel along two axes: a line.
void require_image(const std::array<std::int64_t, 3>& size, const std::string& path);

/// Throws FileError for NaN or infinite intensities, and if all are equal.
void require_usable_intensities(const std::vector<float>& voxels, const std::string& path);

/// Completes a volume whose voxels and header were read: throws FileError as require_usable_intensities(),
/// replaces padding (padding.hpp; `padding`: the value that the file declares), and adds a note if single
/// precision is coarse for the intensities.
void finish_reading(Volume& volume, std::optional<float> padding = std::nullopt);

/// Throws FileError unless the volume has as many voxels as its size says, all finite.
void require_writable_voxels(const Volume& volume, const std::string& path);

/// As require_writable_voxels(), for volumes that all have the size of the first.
void require_writable_series(std::span<const Volume> volumes, const std::string& path);

}  // namespace dnsp::imaging
