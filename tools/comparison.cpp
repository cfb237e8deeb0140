#include "tools/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <set>

#include "base/error.hpp"
#include "imaging/comparison.hpp"
#include "imaging/consistency.hpp"
#include "imaging/file_names.hpp"
#include "imaging/geometry.hpp"
#include "imaging/image_folder.hpp"
#include "imaging/normalisation.hpp"
#include "imaging/picture.hpp"
#include "imaging/volume_file.hpp"
#include "statistics/rank_tests.hpp"
#include "tools/evaluation.hpp"
#include "tools/files.hpp"
#include "training/person.hpp"

namespace dnsp::tools {

const std::array<ComparisonMetric, comparison_metric_count> comparison_metrics{{
    {"psnr_db", "PSNR, dB", "10 log10(data_range^2 / mean squared error), dB", Better::higher},
    {"ssim2d", "SSIM 2-D",
     "SSIM of the slices, 11x11 Gaussian window of sigma 1.5, K1 = .01, K2 = .03, population covariances",
     Better::higher},
    {"ssim3d", "SSIM 3-D", "the same with an 11x11x11 window", Better::higher},
    {"nrmse", "NRMSE", "|image - reference| / |reference|, Euclidean norms", Better::lower},
    {"hfen", "HFEN",
     "|L(image - reference)| / |L(reference)|, L the Laplacian of a Gaussian of sigma 1.5 voxels, 15 taps on each axis, "
     "three-dimensional for volumes (Ravishankar and Bresler 2011: two-dimensional)",
     Better::lower},
    {"gradient_error", "gradient error",
     "|grad(image - reference)| / |grad reference|, central differences per mm", Better::lower},
    {"power_above_nyquist", "power above Nyquist",
     "power of the cosine transform above the Nyquist frequency of the acquisition, relative to the reference's; all "
     "voxels count",
     Better::nearer_to_one},
    {"consistency", "consistency",
     "root mean square of D(image) - D(reference) relative to the data range, D the acquisition without noise; all "
     "voxels count",
     Better::lower},
}};

namespace {

namespace fs = std::filesystem;
using imaging::name_without_extension;
using imaging::Volume;

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double position_tolerance = 0.05;  // voxels
constexpr int least_extent = 11;             // of the window of SSIM

/// A picture is a volume of one plane.
Volume read_image(const fs::path& path, std::optional<int> volume) {
    if (image_kind(path) == ImageKind::volume) return read_volume(path, volume);
    imaging::Image image = imaging::read_grey_picture(path).image;
    Volume out;
    out.size = {image.width, image.height, 1};
    out.voxel_size_mm = {1.0, 1.0, 1.0};
    out.voxels = std::move(image.pixels);
    out.path = path.string();
    return out;
}

bool is_picture(const Volume& image) { return image.size[2] == 1; }

void require_grid(const Volume& reference, const Volume& image) {
    const auto text = [](const Volume& v) {
        return fmt::format("{}×{}×{}", v.size[0], v.size[1], v.size[2]);
    };
    require(image.size == reference.size, fmt::format("{}: has {} voxels, {} has {}", image.path, text(image),
                                                      reference.path, text(reference)));
    const double voxel = *std::min_element(reference.voxel_size_mm.begin(), reference.voxel_size_mm.end());
    const double distance = imaging::corner_distance_mm(imaging::voxel_to_world(reference),
                                                        imaging::voxel_to_world(image), reference.size);
    require(distance <= position_tolerance * voxel,
            fmt::format("{}: lies {:.3g} mm away from the grid of {}", image.path, distance, reference.path));
}

/// The images of a folder, or the file.
std::vector<std::string> images_of(const std::string& path, const imaging::Notice& notice = {}) {
    require(fs::exists(path), path + ": no such file");
    if (!fs::is_directory(path)) {
        image_kind(path);
        return {path};
    }
    std::vector<std::string> files;
    for (const fs::path& image :
         imaging::images_of_folder(path, imaging::FolderImages::volumes_and_pictures, notice))
        files.push_back(image.string());
    return files;
}

/// The image of `folder` with the name of the reference, apart from the extension; `folder` itself if it is a
/// file.
std::string partner_of(const std::string& reference, const std::string& folder, bool single) {
    require(fs::exists(folder), folder + ": no such file");
    require(fs::is_directory(folder) != single,
            fmt::format("{}: {}, like the reference", folder,
                        single ? "expected an image" : "expected a folder"));
    if (single) return folder;
    std::vector<std::string> found;
    for (const std::string& file : images_of(folder))
        if (name_without_extension(file) == name_without_extension(reference)) found.push_back(file);
    require(!found.empty(), fmt::format("{}: holds no image named as {}", folder, reference));
    require(found.size() == 1,
            fmt::format("{} and {}: both are named as {}", found.front(), found.back(), reference));
    return found.front();
}

/// The candidate NAME=PATH. A path may hold "=" after a "/".
std::pair<std::string, std::string> name_and_path(const std::string& text) {
    const auto end = text.find('=');
    if (end == std::string::npos || text.find('/') < end) return {name_without_extension(text), text};
    require(end > 0 && end + 1 < text.size(), "--candidate " + text + ": expected NAME=PATH");
    return {text.substr(0, end), text.substr(end + 1)};
}

imaging::VoxelMask mask_of(const Volume& reference, const std::string& path) {
    const Volume volume = read_image(path, std::nullopt);
    require_grid(reference, volume);
    imaging::VoxelMask mask;
    for (const float x : volume.voxels) mask.push_back(x != 0.0f);
    return mask;
}

/// a·image + b, the least-squares fit to the reference over the voxels that count.
void match_linearly(const Volume& reference, Volume& image, const imaging::VoxelMask& mask) {
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (std::size_t i = 0; i < image.voxels.size(); ++i) {
        if (!mask.empty() && mask[i] == 0) continue;
        const double p = image.voxels[i], q = reference.voxels[i];
        n += 1;
        x += p;
        y += q;
        xx += p * p;
        xy += p * q;
    }
    const double variance = n * xx - x * x;
    const double a = variance > 0.0 ? (n * xy - x * y) / variance : 0.0, b = (y - a * x) / n;
    for (float& value : image.voxels) value = static_cast<float>(a * value + b);
}

/// Distance of the samples of the acquisition on each axis.
std::array<double, 3> sample_distances(const Volume& volume, int axis,
                                       const imaging::Degradation& acquisition) {
    std::array<double, 3> spacing = volume.voxel_size_mm;
    if (acquisition.through_plane) {
        spacing[static_cast<std::size_t>(axis)] = acquisition.through_plane->spacing;
    } else {
        spacing[static_cast<std::size_t>(imaging::row_axis(axis))] *= acquisition.scale;
        spacing[static_cast<std::size_t>(imaging::column_axis(axis))] *= acquisition.scale;
    }
    return spacing;
}

/// The root mean square of D(image − reference).
double acquired_difference(const Volume& reference, const Volume& image, int axis,
                           const imaging::Degradation& acquisition) {
    Volume error = image;
    for (std::size_t i = 0; i < error.voxels.size(); ++i) error.voxels[i] -= reference.voxels[i];
    const int across = acquisition.through_plane ? imaging::column_axis(axis) : axis;
    const int y_axis = acquisition.through_plane ? axis : imaging::row_axis(axis);
    double squares = 0.0, count = 0.0;
    for (int i = 0; i < imaging::slice_count(error, across); ++i) {
        imaging::Image slice = imaging::extract_oriented_slice(error, across, y_axis, i);
        if (acquisition.through_plane) {
            const double voxel = error.voxel_size_mm[static_cast<std::size_t>(axis)];
            slice = imaging::resample(slice,
                                      imaging::thick_slices(slice.height, voxel, *acquisition.through_plane),
                                      imaging::identity_resampler(slice.width));
        } else {
            slice = imaging::crop_to_covered(slice, acquisition);
            slice = imaging::resample(slice, imaging::degradation_resampler(slice.height, acquisition),
                                      imaging::degradation_resampler(slice.width, acquisition));
        }
        for (const float x : slice.pixels) squares += static_cast<double>(x) * x;
        count += static_cast<double>(slice.pixels.size());
    }
    return std::sqrt(squares / count);
}

ComparisonValues values_of(const Volume& reference, const Volume& image, const imaging::VoxelMask& mask,
                           const ComparisonOptions& options) {
    const auto range = imaging::percentile_normalisation(reference.voxels, reference.path);
    const double data_range = static_cast<double>(range.high) - range.low;
    const int axis = is_picture(reference) ? 2
                     : options.axis >= 0   ? options.axis
                                           : default_slice_axis(reference);
    const bool has_depth = *std::min_element(reference.size.begin(), reference.size.end()) >= least_extent;
    ComparisonValues values{imaging::psnr(reference, image, mask, data_range),
                            imaging::ssim_2d(reference, image, axis, mask, data_range),
                            has_depth ? imaging::ssim_3d(reference, image, mask, data_range) : nan_value,
                            imaging::nrmse(reference, image, mask),
                            imaging::hfen(reference, image, mask),
                            imaging::gradient_error(reference, image, mask),
                            nan_value,
                            nan_value};
    if (!options.acquisition) return values;
    const auto spacing = sample_distances(reference, axis, *options.acquisition);
    values[6] =
        imaging::power_above_nyquist(image, spacing) / imaging::power_above_nyquist(reference, spacing);
    values[7] = acquired_difference(reference, image, axis, *options.acquisition) / data_range;
    return values;
}

/// A number that is larger for a better value.
double merit(double value, Better better) {
    switch (better) {
        case Better::higher:
            return value;
        case Better::lower:
            return -value;
        case Better::nearer_to_one:
            return -std::abs(std::log(value));
    }
    return nan_value;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return 0.5 * (values[(values.size() - 1) / 2] + values[values.size() / 2]);
}

/// The values of a metric by person.
std::vector<double> column(const Comparison::Candidate& candidate, std::size_t metric) {
    std::vector<double> values;
    for (const ComparisonValues& person : candidate.per_person) values.push_back(person[metric]);
    return values;
}

void rank(Comparison& comparison, std::size_t metric) {
    std::vector<std::vector<double>> by_candidate(comparison.candidates.size());
    for (std::size_t p = 0; p < comparison.persons.size(); ++p) {
        std::vector<double> losses;
        for (const auto& candidate : comparison.candidates)
            losses.push_back(-merit(candidate.per_person[p][metric], comparison_metrics[metric].better));
        const std::vector<double> ranks = statistics::ranks(losses);
        for (std::size_t c = 0; c < ranks.size(); ++c) by_candidate[c].push_back(ranks[c]);
    }
    for (std::size_t c = 0; c < by_candidate.size(); ++c)
        comparison.candidates[c].median_rank[metric] = median(by_candidate[c]);
}

void analyse(Comparison& comparison) {
    for (std::size_t metric = 0; metric < comparison_metric_count; ++metric) {
        const auto first = column(comparison.candidates.front(), metric);
        std::vector<double> p_values;
        const std::size_t begin = comparison.paired.size();
        for (auto& candidate : comparison.candidates) {
            const auto values = column(candidate, metric);
            candidate.means[metric] = statistics::mean_and_interval(values);
            candidate.median_rank[metric] = nan_value;
            if (&candidate == &comparison.candidates.front()) continue;
            std::vector<double> differences;
            for (std::size_t i = 0; i < values.size(); ++i) differences.push_back(values[i] - first[i]);
            if (std::any_of(differences.begin(), differences.end(),
                            [](double d) { return !std::isfinite(d); }))
                continue;
            p_values.push_back(statistics::wilcoxon_p(differences));
            comparison.paired.push_back({candidate.name, comparison.candidates.front().name, metric,
                                         statistics::paired_contrast(values, first), p_values.back(), 0.0});
        }
        const std::vector<double> adjusted = statistics::holm(p_values);
        for (std::size_t i = 0; i < adjusted.size(); ++i)
            comparison.paired[begin + i].wilcoxon_p_holm = adjusted[i];
        if (!std::isnan(first.front())) rank(comparison, metric);
    }
}

}  // namespace

Comparison compare(const ComparisonOptions& options, const std::function<void(double)>& progress) {
    if (options.acquisition) imaging::require_linear_model(*options.acquisition);
    Comparison result;
    result.options = options;
    result.references = images_of(options.reference, options.notice);
    const bool single = !fs::is_directory(options.reference);
    std::set<std::string> known;
    result.persons = persons_of(result.references, options.subject_of).labels;
    for (std::size_t p = 0; p < result.persons.size(); ++p)
        require(known.insert(result.persons[p]).second,
                fmt::format("{}: is another image of person {}; compare them in two runs, or tell them apart "
                            "with --subject-of",
                            result.references[p], result.persons[p]));
    known.clear();
    for (const std::string& text : options.candidates) {
        const auto [name, path] = name_and_path(text);
        require(known.insert(name).second, fmt::format("--candidate {}: is given twice", name));
        result.candidates.emplace_back().name = name;
        for (const std::string& reference : result.references)
            result.candidates.back().files.push_back(partner_of(reference, path, single));
    }
    double done = 0;
    std::map<std::string, std::string> by_content;
    for (std::size_t p = 0; p < result.references.size(); ++p) {
        const Volume reference = read_image(result.references[p], options.volume);
        const auto [same, is_new] = by_content.emplace(content_of(reference), result.references[p]);
        require(is_new,
                fmt::format("{} and {}: hold the same voxels, so they are one person; give one of them",
                            same->second, result.references[p]));
        const imaging::VoxelMask mask =
            options.mask.empty() ? imaging::VoxelMask{}
                                 : mask_of(reference, partner_of(result.references[p], options.mask, single));
        for (Comparison::Candidate& candidate : result.candidates) {
            Volume image = read_image(candidate.files[p], options.volume);
            require_grid(reference, image);
            if (options.match) match_linearly(reference, image, mask);
            candidate.per_person.push_back(values_of(reference, image, mask, options));
            progress(++done / static_cast<double>(result.references.size() * result.candidates.size()));
        }
    }
    analyse(result);
    return result;
}

}  // namespace dnsp::tools
