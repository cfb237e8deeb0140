#include "imaging/volume.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/error.hpp"
#include "imaging/nifti_header.hpp"

namespace dnsp::imaging {
namespace {

/// Voxel sizes within 5 % count as equal.
constexpr double clearly_larger = 1.05;

std::string subject(const Volume& volume) { return volume.path.empty() ? "volume" : volume.path; }

/// The positions of the pixels of a slice in the voxel array.
struct SliceLayout {
    int height = 0;
    int width = 0;
    std::size_t first = 0;
    std::size_t row_stride = 0;
    std::size_t column_stride = 0;
};

SliceLayout slice_layout(const Volume& volume, int axis, int index) {
    require(axis >= 0 && axis < 3, subject(volume), fmt::format("there is no axis {}", axis));
    const auto [nx, ny, nz] = volume.size;
    const int slices = volume.size[static_cast<std::size_t>(axis)];
    require(index >= 0 && index < slices, subject(volume),
            fmt::format("there is no slice {} along axis {}, which has {}", index, axis, slices));
    const std::array<std::size_t, 3> stride = {1, static_cast<std::size_t>(nx),
                                               static_cast<std::size_t>(nx) * static_cast<std::size_t>(ny)};
    require(volume.voxels.size() == stride[2] * static_cast<std::size_t>(nz), subject(volume),
            fmt::format("{}×{}×{} voxels expected, there are {}", nx, ny, nz, volume.voxels.size()));
    const auto rows = static_cast<std::size_t>(row_axis(axis));
    const auto columns = static_cast<std::size_t>(column_axis(axis));
    return {volume.size[rows], volume.size[columns],
            static_cast<std::size_t>(index) * stride[static_cast<std::size_t>(axis)], stride[rows],
            stride[columns]};
}

std::array<bool, 3> all_but(int axis) { return {axis != 0, axis != 1, axis != 2}; }

Volume with_grid(const Volume& volume, const std::array<bool, 3>& changed, const std::array<int, 3>& size,
                 double ratio, double shift) {
    Volume result;
    result.size = size;
    result.path = volume.path;
    std::size_t count = 1;
    for (std::size_t i = 0; i < 3; ++i) {
        result.voxel_size_mm[i] = volume.voxel_size_mm[i] * (changed[i] ? ratio : 1.0);
        count *= static_cast<std::size_t>(size[i]);
    }
    result.voxels.assign(count, 0.0f);
    if (volume.header) {
        result.header = std::make_shared<const NiftiHeader>(
            with_changed_grid(*volume.header, changed, size, ratio, shift));
    }
    return result;
}

void require_grid_change(const Volume& volume, int axis, int factor) {
    require(axis >= 0 && axis < 3, subject(volume), fmt::format("there is no axis {}", axis));
    require(factor >= 1, subject(volume), fmt::format("the grid cannot change by a factor of {}", factor));
}

}  // namespace

int default_slice_axis(const Volume& volume) {
    for (const int axis : {0, 1, 2})
        if (slice_count(volume, axis) == 1) return axis;
    std::array<int, 3> axes = {0, 1, 2};
    const auto voxel_size = [&](int axis) { return volume.voxel_size_mm[static_cast<std::size_t>(axis)]; };
    std::stable_sort(axes.begin(), axes.end(), [&](int a, int b) { return voxel_size(a) < voxel_size(b); });
    const auto [smallest, middle, largest] = axes;
    if (voxel_size(largest) > clearly_larger * voxel_size(middle)) return largest;
    if (voxel_size(middle) > clearly_larger * voxel_size(smallest)) return smallest;
    return volume.header ? head_foot_axis(*volume.header).value_or(2) : 2;
}

void require_slice_axis(const Volume& volume, int axis) {
    for (const int other : {0, 1, 2})
        require(other == axis || slice_count(volume, other) > 1, subject(volume),
                fmt::format("is one slice along axis {}; slices along axis {} would be lines", "xyz"[other],
                            "xyz"[axis]));
}

Image extract_slice(const Volume& volume, int axis, int index) {
    const SliceLayout layout = slice_layout(volume, axis, index);
    Image slice(layout.height, layout.width);
    float* pixel = slice.pixels.data();
    for (int y = 0; y < layout.height; ++y) {
        const float* voxel =
            volume.voxels.data() + layout.first + static_cast<std::size_t>(y) * layout.row_stride;
        for (int x = 0; x < layout.width; ++x, voxel += layout.column_stride) *pixel++ = *voxel;
    }
    return slice;
}

void insert_slice(Volume& volume, int axis, int index, const Image& slice) {
    const SliceLayout layout = slice_layout(volume, axis, index);
    require(slice.height == layout.height && slice.width == layout.width, subject(volume),
            fmt::format("slices along axis {} are {}×{}, not {}×{}", axis, layout.height, layout.width,
                        slice.height, slice.width));
    const float* pixel = slice.pixels.data();
    for (int y = 0; y < layout.height; ++y) {
        float* voxel = volume.voxels.data() + layout.first + static_cast<std::size_t>(y) * layout.row_stride;
        for (int x = 0; x < layout.width; ++x, voxel += layout.column_stride) *voxel = *pixel++;
    }
}

Volume finer_grid(const Volume& volume, int axis, int factor, Phase phase) {
    require_grid_change(volume, axis, factor);
    auto size = volume.size;
    for (std::size_t i = 0; i < 3; ++i) {
        if (static_cast<int>(i) == axis) continue;
        require(size[i] <= std::numeric_limits<int>::max() / factor, subject(volume), "too large to enlarge");
        size[i] *= factor;
    }
    const double shift = phase == Phase::center ? 0.5 / factor - 0.5 : 0.0;
    return with_grid(volume, all_but(axis), size, 1.0 / factor, shift);
}

Volume coarser_grid(const Volume& volume, int axis, int factor, Phase phase) {
    require_grid_change(volume, axis, factor);
    auto size = volume.size;
    for (std::size_t i = 0; i < 3; ++i) {
        if (static_cast<int>(i) == axis) continue;
        size[i] /= factor;
        require(size[i] >= 1, subject(volume),
                fmt::format("axis {} has {} voxels, fewer than the factor {}", i, volume.size[i], factor));
    }
    const double shift = phase == Phase::center ? 0.5 * (factor - 1) : 0.0;
    return with_grid(volume, all_but(axis), size, factor, shift);
}

Volume changed_spacing(const Volume& volume, int axis, int count, double voxel_mm) {
    require(axis >= 0 && axis < 3, subject(volume), fmt::format("there is no axis {}", axis));
    require(count > 0 && voxel_mm > 0.0, subject(volume),
            fmt::format("{} voxels of {} mm are no grid", count, voxel_mm));
    const auto along = static_cast<std::size_t>(axis);
    auto size = volume.size;
    size[along] = count;
    const double ratio = voxel_mm / volume.voxel_size_mm[along];
    Volume result = with_grid(volume, {axis == 0, axis == 1, axis == 2}, size, ratio, 0.5 * ratio - 0.5);
    result.voxel_size_mm[along] = voxel_mm;
    return result;
}

Image extract_oriented_slice(const Volume& volume, int axis, int y_axis, int index) {
    const Image slice = extract_slice(volume, axis, index);
    return row_axis(axis) == y_axis ? slice : transposed(slice);
}

void insert_oriented_slice(Volume& volume, int axis, int y_axis, int index, const Image& slice) {
    insert_slice(volume, axis, index, row_axis(axis) == y_axis ? slice : transposed(slice));
}

void visit_slice_axis(OptionVisitor& v, int& axis) {
    v.option(
        {.key = "axis",
         .flag = "--axis",
         .help =
             "storage axis perpendicular to the slices: x, y, z or auto (coarsest voxel side, else axial)",
         .names = {{"auto", -1}, {"x", 0}, {"y", 1}, {"z", 2}}},
        axis);
}

}  // namespace dnsp::imaging
