#include "training/subject.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <span>

#include "base/error.hpp"
#include "base/sha256.hpp"
#include "base/warning.hpp"
#include "imaging/acquisition.hpp"
#include "imaging/patches.hpp"
#include "imaging/resample.hpp"
#include "imaging/scan_statistics.hpp"
#include "imaging/volume_file.hpp"

namespace dnsp {
namespace {

namespace fs = std::filesystem;

constexpr double min_share_of_head = 0.5;  // relative to the slice with the largest share

SlicePair degraded_pair(int index, const imaging::Image& slice, const imaging::Degradation& degradation,
                        const imaging::Normalisation& range, double row_mm) {
    SlicePair pair;
    pair.index = index;
    pair.row_mm = row_mm;
    pair.target = imaging::crop_to_covered(slice, degradation, row_mm);
    pair.low = imaging::degrade(degradation.through_plane ? slice : pair.target, degradation,
                                range.high - range.low, row_mm);
    return pair;
}

/// The storage axis of a slice's rows, chosen by its index.
using ChooseRows = std::function<int(int)>;

SlicePair degraded_slice(const imaging::Volume& volume, int axis, int index, int y_axis,
                         const imaging::Degradation& degradation, const imaging::Normalisation& range) {
    return degraded_pair(index, imaging::extract_oriented_slice(volume, axis, y_axis, index), degradation,
                         range, volume.voxel_size_mm[static_cast<std::size_t>(y_axis)]);
}

/// Indices of the shares that are at least half of the largest one.
std::vector<int> slices_with_shares(const std::vector<double>& shares) {
    const double largest = *std::max_element(shares.begin(), shares.end());
    std::vector<int> slices;
    for (std::size_t i = 0; i < shares.size(); ++i)
        if (shares[i] >= min_share_of_head * largest) slices.push_back(static_cast<int>(i));
    return slices;
}

Subject subject_of(const imaging::Volume& truth, const imaging::Degradation& acquisition, int axis,
                   const ChooseRows& y_axis, InputFeatures features) {
    const imaging::Degradation degradation = imaging::drawn_for(truth, acquisition);
    const imaging::Volume volume = imaging::received(truth, degradation);
    Subject subject;
    subject.path = volume.path;
    subject.content = content_of(truth);
    subject.axis = axis;
    subject.slice_count = imaging::slice_count(volume, subject.axis);
    subject.pixel_mm =
        volume.voxel_size_mm[static_cast<std::size_t>(imaging::column_axis(axis))] * degradation.scale;
    subject.reference_range = imaging::percentile_normalisation(volume.voxels, volume.path);

    const imaging::Normalisation& range = subject.reference_range;
    const float threshold = range.restore(foreground_level);
    std::vector<float> degraded_voxels;
    std::vector<double> shares;
    for (int index = 0; index < subject.slice_count; ++index) {
        SlicePair pair = degraded_slice(volume, axis, index, y_axis(index), degradation, range);
        degraded_voxels.insert(degraded_voxels.end(), pair.low.pixels.begin(), pair.low.pixels.end());
        shares.push_back(imaging::foreground_fraction(pair.target, threshold));
        subject.slices.push_back(std::move(pair));
    }
    subject.normalisation = imaging::percentile_normalisation(degraded_voxels, volume.path);
    if (features != InputFeatures::intensity) {
        require(!degradation.through_plane, "a network that reads tissues does not take thick slices");
        std::vector<imaging::Image> low;
        for (const SlicePair& pair : subject.slices) low.push_back(pair.low);
        const auto [x, y, z] = volume.voxel_size_mm;
        subject.tissues = fit_tissues(features, low, subject.normalisation,
                                      x * y * z * degradation.scale * degradation.scale, volume.path);
    }
    subject.target_normalisation = subject.normalisation;
    const std::vector<int> shown = slices_with_shares(shares);
    std::erase_if(subject.slices, [&](const SlicePair& pair) {
        return !std::binary_search(shown.begin(), shown.end(), pair.index);
    });
    for (SlicePair& pair : subject.slices) {
        pair.input = imaging::enlarge(pair.low, degradation, pair.row_mm);
        if (degradation.bias_field > 0.0)
            pair.truth = imaging::crop_to_covered(
                imaging::extract_oriented_slice(truth, axis, y_axis(pair.index), pair.index), degradation,
                pair.row_mm);
    }
    return subject;
}

}  // namespace

std::string content_of(const imaging::Volume& volume) {
    const auto [x, y, z] = volume.size;
    return fmt::format("{}x{}x{}:{}", x, y, z, sha256_of_bytes(std::as_bytes(std::span(volume.voxels))));
}

std::string content_of(const imaging::Image& image) {
    return fmt::format("{}x{}:{}", image.width, image.height,
                       sha256_of_bytes(std::as_bytes(std::span(image.pixels))));
}

imaging::Image on_target_scale(const Subject& subject, imaging::Image image) {
    const imaging::Normalisation &from = subject.normalisation, &to = subject.target_normalisation;
    if (from.low == to.low && from.high == to.high) return image;
    for (float& x : image.pixels) x = to.restore(from.apply(x));
    return image;
}

std::vector<int> slices_that_show_the_head(const imaging::Volume& volume, int axis,
                                           const imaging::Normalisation& range) {
    std::vector<double> shares;
    for (int i = 0; i < imaging::slice_count(volume, axis); ++i)
        shares.push_back(imaging::foreground_fraction(imaging::extract_slice(volume, axis, i),
                                                      range.restore(foreground_level)));
    return slices_with_shares(shares);
}

double fine_detail_db(const imaging::Volume& volume, int axis) {
    const imaging::Normalisation range = imaging::percentile_normalisation(volume.voxels, volume.path);
    std::vector<imaging::Image> slices;
    for (const int index : slices_that_show_the_head(volume, axis, range))
        slices.push_back(imaging::extract_slice(volume, axis, index));
    return imaging::scan_statistics(slices, range, 0.0).fine_detail_db;
}

std::vector<std::string> find_volumes(const std::vector<std::string>& inputs, const imaging::Notice& notice) {
    std::vector<std::string> paths;
    for (const std::string& input : inputs) {
        if (!fs::is_directory(input)) {
            paths.push_back(input);
            continue;
        }
        for (const fs::path& path : imaging::images_of_folder(input, imaging::FolderImages::volumes, notice))
            paths.push_back(path.string());
    }
    return paths;
}

Subject make_subject(const imaging::Volume& volume, const imaging::Degradation& degradation, int axis,
                     InputFeatures features) {
    if (axis < 0) axis = imaging::default_slice_axis(volume);
    imaging::require_slice_axis(volume, axis);
    require(!degradation.through_plane || imaging::slice_count(volume, axis) > 1, volume.path,
            "holds one slice; thick slices need a volume of several");
    const auto alternating = [&](int index) {
        const bool columns = degradation.through_plane && index % 2 == 1;
        return columns ? imaging::column_axis(axis) : imaging::row_axis(axis);
    };
    return subject_of(volume, degradation, axis, alternating, features);
}

Subject make_thick_slice_subject(const imaging::Volume& volume, const imaging::Degradation& degradation,
                                 int axis, int y_axis) {
    return subject_of(
        volume, degradation, axis, [=](int) { return y_axis; }, InputFeatures::intensity);
}

Subject make_subject(const imaging::Image& truth, const std::string& path,
                     const imaging::Degradation& acquisition, InputFeatures features) {
    require_picture_allowed(features, path);
    const imaging::Degradation degradation = imaging::drawn_for(truth, acquisition);
    const imaging::Image picture = imaging::received(truth, degradation);
    require(!degradation.through_plane, path + ": a picture has no pixel size; thick slices need a volume");
    Subject subject;
    subject.path = path;
    subject.content = content_of(truth);
    subject.slice_count = 1;
    subject.reference_range =
        imaging::percentile_normalisation(imaging::crop_to_multiple(picture, degradation.scale).pixels, path);
    subject.slices.push_back(degraded_pair(0, picture, degradation, subject.reference_range, 1.0));
    SlicePair& pair = subject.slices.front();
    subject.normalisation = imaging::percentile_normalisation(pair.low.pixels, path);
    subject.target_normalisation = subject.normalisation;
    pair.input = imaging::enlarge(pair.low, degradation);
    if (degradation.bias_field > 0.0) pair.truth = imaging::crop_to_covered(truth, degradation);
    return subject;
}

Subject load_subject(const std::string& path, const imaging::Degradation& degradation, int axis,
                     InputFeatures features, std::optional<int> index) {
    const imaging::Volume volume = imaging::read_volume(path, index);
    for (const std::string& note : volume.notes) warn(path, note);
    return make_subject(volume, degradation, axis, features);
}

}  // namespace dnsp
