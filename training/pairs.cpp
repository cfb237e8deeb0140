#include "training/pairs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/error.hpp"
#include "base/warning.hpp"
#include "imaging/geometry.hpp"
#include "imaging/image_folder.hpp"
#include "imaging/patches.hpp"
#include "imaging/picture.hpp"
#include "imaging/volume_file.hpp"

namespace dnsp {
namespace {

namespace fs = std::filesystem;

constexpr double grid_tolerance_voxels = 0.01;

std::vector<std::string> image_names(const std::string& folder, const imaging::Notice& notice) {
    std::vector<std::string> names;
    for (const fs::path& path :
         imaging::images_of_folder(folder, imaging::FolderImages::volumes_and_pictures, notice))
        names.push_back(path.filename().string());
    return names;
}

void require_partners(const std::string& folder, const std::vector<std::string>& names,
                      const std::string& other, const std::vector<std::string>& others) {
    for (const std::string& name : names)
        require(std::binary_search(others.begin(), others.end(), name),
                fmt::format("{}: has no partner of the same name in {}", (fs::path(folder) / name).string(),
                            other));
}

void require_one_grid(const imaging::Volume& low, const imaging::Volume& high) {
    const auto sizes = [](const imaging::Volume& v) {
        return fmt::format("{}×{}×{}", v.size[0], v.size[1], v.size[2]);
    };
    require(low.size == high.size, low.path,
            fmt::format("has {} voxels, but {} has {}; register it onto that one first", sizes(low),
                        high.path, sizes(high)));
    const double distance =
        imaging::corner_distance_mm(imaging::voxel_to_world(low), imaging::voxel_to_world(high), high.size);
    const double voxel = std::min({high.voxel_size_mm[0], high.voxel_size_mm[1], high.voxel_size_mm[2]});
    require(distance <= grid_tolerance_voxels * voxel, low.path,
            fmt::format("its voxels lie up to {:.3g} mm from those of {}; register it onto that one first",
                        distance, high.path));
}

/// Adds the slice unless its views overlap too little.
void add_slice(Subject& subject, int index, imaging::Image low, imaging::Image high) {
    if (view_overlap(low, high, subject.reference_range.restore(foreground_level)) < min_view_overlap) return;
    SlicePair pair;
    pair.index = index;
    pair.target = std::move(high);
    pair.input = low;
    pair.low = std::move(low);
    subject.slices.push_back(std::move(pair));
}

}  // namespace

std::vector<PairPaths> find_pairs(const std::string& low, const std::string& high,
                                  const imaging::Notice& notice) {
    for (const std::string& path : {low, high}) require(fs::exists(path), path + ": no such file or folder");
    require(fs::is_directory(low) == fs::is_directory(high),
            low + " and " + high + ": expected two folders or two files");
    if (!fs::is_directory(low)) {
        for (const std::string& path : {low, high}) imaging::require_image_path(path);
        require(imaging::is_volume_path(low) == imaging::is_volume_path(high),
                low + " and " + high + ": expected two volumes or two pictures");
        return {{low, high}};
    }
    const std::vector<std::string> low_names = image_names(low, notice),
                                   high_names = image_names(high, notice);
    require_partners(low, low_names, high, high_names);
    require_partners(high, high_names, low, low_names);
    std::vector<PairPaths> pairs;
    for (const std::string& name : low_names)
        pairs.push_back({(fs::path(low) / name).string(), (fs::path(high) / name).string()});
    return pairs;
}

std::vector<PairPaths> find_pairs(const std::vector<std::string>& low_and_high, const std::string& option,
                                  const imaging::Notice& notice) {
    require(low_and_high.size() == 2, fmt::format("{}: expected two folders or files, LOW and HIGH, got {}",
                                                  option, low_and_high.size()));
    return find_pairs(low_and_high[0], low_and_high[1], notice);
}

double view_overlap(const imaging::Image& input, const imaging::Image& target, float threshold) {
    std::size_t foreground = 0, seen = 0;
    for (std::size_t i = 0; i < target.pixels.size(); ++i) {
        if (target.pixels[i] <= threshold) continue;
        ++foreground;
        seen += input.pixels[i] != 0.0f;
    }
    return foreground == 0 ? 1.0 : static_cast<double>(seen) / static_cast<double>(foreground);
}

Subject make_pair_subject(const imaging::Volume& low, const imaging::Volume& high, int axis) {
    require_one_grid(low, high);
    Subject subject;
    subject.path = high.path;
    subject.content = content_of(high);
    subject.low_content = content_of(low);
    subject.axis = axis >= 0 ? axis : imaging::default_slice_axis(high);
    imaging::require_slice_axis(high, subject.axis);
    subject.slice_count = imaging::slice_count(high, subject.axis);
    subject.pixel_mm = high.voxel_size_mm[static_cast<std::size_t>(imaging::column_axis(subject.axis))];
    subject.normalisation = imaging::percentile_normalisation(low.voxels, low.path);
    subject.reference_range = imaging::percentile_normalisation(high.voxels, high.path);
    subject.target_normalisation = subject.reference_range;
    for (const int index : slices_that_show_the_head(high, subject.axis, subject.reference_range))
        add_slice(subject, index, imaging::extract_slice(low, subject.axis, index),
                  imaging::extract_slice(high, subject.axis, index));
    return subject;
}

Subject make_pair_subject(const imaging::Image& low, const imaging::Image& high, const PairPaths& paths) {
    require(low.height == high.height && low.width == high.width, paths.low,
            fmt::format("has {}×{} pixels, but {} has {}×{}; register it onto that one first", low.width,
                        low.height, paths.high, high.width, high.height));
    Subject subject;
    subject.path = paths.high;
    subject.content = content_of(high);
    subject.low_content = content_of(low);
    subject.slice_count = 1;
    subject.normalisation = imaging::percentile_normalisation(low.pixels, paths.low);
    subject.reference_range = imaging::percentile_normalisation(high.pixels, paths.high);
    subject.target_normalisation = subject.reference_range;
    add_slice(subject, 0, low, high);
    return subject;
}

Subject load_pair(const PairPaths& paths, int axis, std::optional<int> volume) {
    if (imaging::is_picture_path(paths.high))
        return make_pair_subject(imaging::read_grey_picture(paths.low).image,
                                 imaging::read_grey_picture(paths.high).image, paths);
    const imaging::Volume low = imaging::read_volume(paths.low, volume),
                          high = imaging::read_volume(paths.high, volume);
    for (const imaging::Volume* each : {&low, &high})
        for (const std::string& note : each->notes) warn(each->path, note);
    return make_pair_subject(low, high, axis);
}

}  // namespace dnsp
