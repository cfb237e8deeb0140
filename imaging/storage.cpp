#include "imaging/storage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

#include "imaging/normalisation.hpp"
#include "imaging/padding.hpp"

namespace dnsp::imaging {
namespace {

constexpr std::size_t most_samples = std::size_t{1} << 20;
/// A chosen intercept is 0 unless the steps would exceed this share of the range.
constexpr double coarsest_step_around_zero = 0.001;

struct IntegerLimits {
    double low = 0.0, high = 0.0;  ///< equal for types that are not integers
    bool is_integer() const { return low < high; }
};

IntegerLimits limits_of(int datatype) {
    IntegerLimits limits;
    with_stored_type(datatype, [&]<class T>() {
        if constexpr (std::is_integral_v<T>)
            limits = {static_cast<double>(std::numeric_limits<T>::lowest()),
                      static_cast<double>(std::numeric_limits<T>::max())};
    });
    return limits;
}

/// "int16".
std::string type_name(int datatype) {
    std::string name = nifti_datatype_string(datatype);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return name;
}

bool is_padding(const Volume& volume, float voxel) {
    return volume.padding != nullptr && voxel == volume.padding->value;
}

/// At most most_samples voxels that are no padding.
std::vector<float> sample_of(std::span<const Volume> volumes) {
    std::size_t total = 0;
    for (const Volume& volume : volumes) total += volume.voxels.size();
    const std::size_t stride = std::max<std::size_t>(1, total / most_samples);
    std::vector<float> sample;
    for (const Volume& volume : volumes)
        for (std::size_t i = 0; i < volume.voxels.size(); i += stride)
            if (!is_padding(volume, volume.voxels[i])) sample.push_back(volume.voxels[i]);
    return sample;
}

/// Intensities that are to be stored.
struct Extent {
    double least, largest;
};

Extent extent_of(std::span<const Volume> volumes) {
    Extent extent{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
    for (const Volume& volume : volumes) {
        const auto [least, largest] = std::minmax_element(volume.voxels.begin(), volume.voxels.end());
        extent.least = std::min(extent.least, double{*least});
        extent.largest = std::max(extent.largest, double{*largest});
    }
    return extent;
}

bool fits(const Extent& extent, const StoredType& type) {
    const IntegerLimits limits = limits_of(type.datatype);
    const double a = (extent.least - type.scale.intercept) / type.scale.slope,
                 b = (extent.largest - type.scale.intercept) / type.scale.slope;
    const bool undershoot_allowed = limits.low == 0.0 && type.scale.slope > 0.0;
    // The largest integers of 32 and 64 bits round up in float32.
    const double margin = std::max(0.5, limits.high * std::numeric_limits<float>::epsilon());
    return std::max(a, b) < limits.high + margin &&
           (undershoot_allowed || std::min(a, b) > limits.low - margin);
}

/// The float32 not below x: NIfTI-1 stores slopes so.
double rounded_up(double x) {
    const auto nearest = static_cast<float>(x);
    return nearest < x ? std::nextafter(nearest, std::numeric_limits<float>::infinity()) : nearest;
}

/// A scale that makes intensities fit the integers of a type.
IntensityScale fitting_scale(const Extent& extent, int datatype, const IntensityScale& old, double range) {
    const IntegerLimits limits = limits_of(datatype);
    if (limits.low == 0.0) {
        const double intercept = static_cast<float>(old.slope > 0.0 ? old.intercept : extent.least);
        return {rounded_up((extent.largest - intercept) / limits.high), intercept};
    }
    const double bound = std::max(std::abs(extent.least), std::abs(extent.largest));
    if (bound / limits.high <= coarsest_step_around_zero * range)
        return {rounded_up(bound / limits.high), 0.0};
    const double middle = static_cast<float>((extent.least + extent.largest) / 2.0);
    const double half = std::max(extent.largest - middle, middle - extent.least);
    return {rounded_up(half / limits.high), middle};
}

}  // namespace

double robust_range(std::span<const Volume> volumes) {
    const std::vector<float> sample = sample_of(volumes);
    if (sample.empty()) return 0.0;
    const auto [least, largest] = std::minmax_element(sample.begin(), sample.end());
    if (*least == *largest) return 0.0;
    const Normalisation range = percentile_normalisation(sample, "volume");
    return double{range.high} - double{range.low};
}

bool is_coarse(std::span<const Volume> volumes, double step, double offset) {
    const double range = robust_range(volumes);
    if (range == 0.0 || std::abs(step) <= coarsest_step * range) return false;
    const std::vector<float> sample = sample_of(volumes);
    return std::any_of(sample.begin(), sample.end(), [&](double x) {
        const double stored = (x - offset) / step;
        return std::abs(stored - std::round(stored)) > 1e-3;
    });
}

StorageChoice choose_storage(std::span<const Volume> volumes, IntensityType asked, bool has_scale,
                             int (*holding)(int datatype)) {
    const Volume& first = volumes.front();
    const NiftiHeader header = first.header ? *first.header : plain_header(first);
    const StoredType in_float{.datatype = DT_FLOAT32};
    StoredType old{.datatype = header.fields.datatype, .scale = intensity_scale(header)};
    if (asked == IntensityType::float32) return {in_float, ""};
    if (asked == IntensityType::int16) old.datatype = DT_INT16;
    const bool is_scaled = old.scale.slope != 1.0 || old.scale.intercept != 0.0;
    if (!has_scale && is_scaled) return {in_float, ""};
    old.datatype = holding(old.datatype);
    if (!limits_of(old.datatype).is_integer()) return {old, ""};

    const Extent extent = extent_of(volumes);
    const auto coarse = [&](const StoredType& type) {
        return is_coarse(volumes, type.scale.slope, type.scale.intercept);
    };
    const bool fitting = fits(extent, old);
    if (fitting && !coarse(old)) return {old, ""};
    const std::string reason =
        fitting ? fmt::format("steps of {:.4g} are coarse for the intensities of the result", old.scale.slope)
                : fmt::format("intensities from {:.4g} to {:.4g} do not fit the stored type {}{}",
                              extent.least, extent.largest, type_name(old.datatype),
                              is_scaled ? fmt::format(" with slope {:.4g} and intercept {:.4g}",
                                                      old.scale.slope, old.scale.intercept)
                                        : "");
    StoredType wider = old;
    if (old.bytes() == 1) wider.datatype = holding(DT_INT16);
    if (wider.datatype != old.datatype && fits(extent, wider) && !coarse(wider))
        return {wider, fmt::format("{}; written as {}", reason, type_name(wider.datatype))};
    if (has_scale) {
        wider.scale = fitting_scale(extent, wider.datatype, old.scale, robust_range(volumes));
        if (wider.scale.slope > 0.0 && !coarse(wider))
            return {wider, fmt::format("{}; written as {} with slope {:.4g} and intercept {:.4g}", reason,
                                       type_name(wider.datatype), wider.scale.slope, wider.scale.intercept)};
    }
    return {in_float, reason + "; written as float32"};
}

void set_stored_type(NiftiHeader& header, const StoredType& type) {
    header.fields.datatype = static_cast<std::int16_t>(type.datatype);
    header.fields.bitpix = static_cast<std::int16_t>(8 * type.bytes());
    const IntensityScale scale = intensity_scale(header);
    if (scale.slope == type.scale.slope && scale.intercept == type.scale.intercept) return;
    header.fields.scl_slope = type.scale.slope;
    header.fields.scl_inter = type.scale.intercept;
}

}  // namespace dnsp::imaging
