#include "imaging/padding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace dnsp::imaging {
namespace {

constexpr double least_share = 0.001;
constexpr std::size_t least_count = 16;
// Distances are relative to the range of the other values.
constexpr double guessed_distance = 2.0;
constexpr double declared_distance = 0.1;

/// Voxels of one value, and the others.
struct Partition {
    std::size_t count = 0;  ///< that hold the value
    float least = std::numeric_limits<float>::infinity(), largest = -std::numeric_limits<float>::infinity();

    Partition(const std::vector<float>& voxels, float value) {
        for (const float voxel : voxels) {
            if (voxel == value) {
                ++count;
                continue;
            }
            least = std::min(least, voxel);
            largest = std::max(largest, voxel);
        }
    }

    double range() const { return double{largest} - double{least}; }
    /// Of the value to the nearest other one; negative if it lies among them.
    double distance(double value) const { return std::max(least - value, value - largest); }
};

}  // namespace

void replace_padding(Volume& volume, std::optional<float> declared) {
    auto& voxels = volume.voxels;
    const auto take = [&](float value, double distance, std::size_t count) {
        const Partition found(voxels, value);
        if (found.count < count || !(found.range() > 0.0) ||
            !(found.distance(value) > distance * found.range()))
            return false;
        auto padding = std::make_shared<Padding>();
        padding->value = value;
        padding->voxels.reserve(voxels.size());
        for (float& voxel : voxels) {
            padding->voxels.push_back(voxel == value);
            if (voxel == value) voxel = found.least;
        }
        volume.padding = std::move(padding);
        volume.notes.push_back(fmt::format(
            "{} voxels of {:.6g}, far from the other intensities ({:.4g} to {:.4g}), are taken as "
            "padding and count as background",
            found.count, value, found.least, found.largest));
        return true;
    };
    if (declared && take(*declared, declared_distance, 1)) return;
    const auto count = std::max(
        least_count, static_cast<std::size_t>(std::ceil(least_share * static_cast<double>(voxels.size()))));
    const auto [least, largest] = std::minmax_element(voxels.begin(), voxels.end());
    for (const float value : {*least, *largest})
        if (value != 0.0f && take(value, guessed_distance, count)) return;
}

void restore_padding(Volume& high, const Volume& low, Phase phase) {
    if (low.padding == nullptr) return;
    std::array<std::vector<std::size_t>, 3> nearest;  // of the positions along each axis
    for (std::size_t axis = 0; axis < 3; ++axis) {
        const double ratio = high.voxel_size_mm[axis] / low.voxel_size_mm[axis];
        for (int i = 0; i < high.size[axis]; ++i) {
            const double position = phase == Phase::center ? (i + 0.5) * ratio - 0.5 : i * ratio;
            nearest[axis].push_back(static_cast<std::size_t>(
                std::clamp(std::lround(position), 0L, static_cast<long>(low.size[axis]) - 1)));
        }
    }
    auto padding = std::make_shared<Padding>();
    padding->value = low.padding->value;
    padding->voxels.reserve(high.voxels.size());
    const auto nx = static_cast<std::size_t>(low.size[0]), ny = static_cast<std::size_t>(low.size[1]);
    float* voxel = high.voxels.data();
    for (const std::size_t z : nearest[2])
        for (const std::size_t y : nearest[1])
            for (const std::size_t x : nearest[0]) {
                const bool padded = low.padding->voxels[(z * ny + y) * nx + x];
                padding->voxels.push_back(padded);
                if (padded) *voxel = padding->value;
                ++voxel;
            }
    high.padding = std::move(padding);
}

}  // namespace dnsp::imaging
