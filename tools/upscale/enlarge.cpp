#include "tools/upscale/enlarge.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "base/warning.hpp"
#include "imaging/nifti.hpp"
#include "imaging/normalisation.hpp"
#include "imaging/padding.hpp"
#include "inference/through_plane_upscaler.hpp"
#include "tools/consistency.hpp"
#include "tools/progress.hpp"

namespace dnsp::tools {
namespace {

/// Relative deviation of the spacing from that of training from which on the user is warned.
constexpr double spacing_tolerance = 0.1;

/// Prints in which direction a volume is enlarged, and why, if its slices are thick. Returns warnings.
std::vector<std::string> explain_direction(const ImageUpscaler& upscaler, const imaging::Volume& low,
                                           int axis) {
    const auto* through_plane = dynamic_cast<const ThroughPlaneUpscaler*>(&upscaler);
    if (through_plane == nullptr) {
        if (has_thick_slices(low, axis))
            fmt::print(
                "{}: in-plane; {}. The slices stay that far apart; --direction through-plane or --self make "
                "thin ones\n",
                low.path, voxel_text(low, axis));
        return {};
    }
    fmt::print("{}: through-plane; {}; new slices {:.3g} mm apart\n", low.path, voxel_text(low, axis),
               through_plane->spacing_mm(low, axis));
    const double spacing = low.voxel_size_mm[static_cast<std::size_t>(axis)];
    const auto trained = through_plane->trained_spacing_mm();
    if (trained && (spacing < trained->low * (1.0 - spacing_tolerance) ||
                    spacing > trained->high * (1.0 + spacing_tolerance)))
        return {fmt::format("the weights were trained for slices {} mm apart, these are {:.3g} mm apart",
                            trained->is_range() ? fmt::format("{:.3g} to {:.3g}", trained->low, trained->high)
                                                : fmt::format("{:.3g}", trained->low),
                            spacing)};
    return {};
}

/// Acquires the result again and records how far it is from the input. Reports it if the user asked.
template <class... Arguments>
void check(UpscaleResult& result, const ChosenUpscaler& chosen, const UpscaleOptions& options,
           Arguments&&... arguments) {
    const bool asked = options.consistent || !options.consistency.empty();
    if (!asked && !can_check_consistency(chosen.upscaler)) return;
    Consistency found = check_consistency(chosen.upscaler, std::forward<Arguments>(arguments)...);
    result.origin.consistency = found.relative_error;
    if (asked) result.report = found.report;
    if (found.difference) result.consistency.push_back(std::move(*found.difference));
}

/// The ensemble's standard deviation is written or shown.
bool needs_spread(const UpscaleOptions& options) {
    return !options.spread.empty() || (options.inference.ensemble && !options.report.empty());
}

/// Where the result's grid lies on the input's.
imaging::Phase phase_of(const ImageUpscaler& upscaler) {
    const auto acquisition = upscaler.acquisition();
    return acquisition ? acquisition->phase : imaging::Phase::center;
}

UpscaleResult enlarge_picture(const ChosenUpscaler& chosen, const UpscaleOptions& options,
                              const UpscaleJob& job, const imaging::Picture& picture) {
    require(chosen.upscaler.accepts_pictures(),
            job.input.string() +
                ": is a picture, but the network labels tissues and needs a skull-stripped "
                "volume, or makes thin slices of thick ones");
    require(options.consistency.empty() && options.spread.empty() && options.report.empty(),
            job.input.string() + ": is a picture; --consistency, --spread and --report are for volumes");
    const auto normalisation = imaging::percentile_normalisation(picture.image.pixels, job.input.string());
    UpscaleResult result{.origin = {chosen.weights, chosen.upscaler.acquisition()}};
    result.origin.warnings = picture.notes;
    for (const std::string& note : picture.notes) warn(job.input.string(), note);
    imaging::Picture high{chosen.upscaler.upscale(picture.image, normalisation), picture.bits};
    check(result, chosen, options, picture.image, normalisation, options.consistent, job.output, high.image);
    imaging::enlarge_color(high, picture, phase_of(chosen.upscaler));
    result.image = std::move(high);
    return result;
}

/// What the reader changed. Of a series: the first volume with such notes, and how many others have some.
std::vector<std::string> notes_of(const ImageContents& contents) {
    if (std::holds_alternative<imaging::Picture>(contents)) return {};
    if (const auto* volume = std::get_if<imaging::Volume>(&contents)) return volume->notes;
    const auto& series = std::get<Series>(contents);
    const auto has_notes = [](const imaging::Volume& volume) { return !volume.notes.empty(); };
    const auto found = std::find_if(series.begin(), series.end(), has_notes);
    if (found == series.end()) return {};
    std::vector<std::string> notes = found->notes;
    const auto count = std::count_if(found, series.end(), has_notes);
    for (std::string& note : notes)
        note += fmt::format(" (volume {}; {} of {} volumes are alike)", found - series.begin(), count,
                            series.size());
    return notes;
}

/// `label`: what the progress names beside the file.
UpscaleResult enlarge_volume(const ChosenUpscaler& chosen, const UpscaleOptions& options,
                             const UpscaleJob& job, const imaging::Volume& low, const std::string& label) {
    const ImageUpscaler& upscaler = chosen.upscaler;
    const int axis = options.slice_axis.of(low);
    const int slices = upscaler.slices(low, axis);
    ProgressLine progress;
    imaging::Volume spread;
    UpscaleResult result{.origin = {chosen.weights, upscaler.acquisition()}};
    imaging::Volume high = upscaler.upscale(
        low, axis,
        [&](int done) {
            progress.show(
                static_cast<double>(done) / slices,
                fmt::format("{}: {}slice {} of {}", job.input.filename().string(), label, done, slices));
            if (interrupted()) throw Error(job.output.string() + ": interrupted, nothing written");
        },
        needs_spread(options) ? &spread : nullptr);
    progress.clear();
    check(result, chosen, options, low, axis, options.consistent, job.output, high);
    imaging::restore_padding(high, low, phase_of(upscaler));
    imaging::prepend_description(high, description_of(result.origin));
    result.origin.axis = axis;
    const auto slice_axis = static_cast<std::size_t>(axis);
    result.origin.has_thinner_slices = high.voxel_size_mm[slice_axis] < low.voxel_size_mm[slice_axis];
    if (needs_spread(options)) result.spread.push_back(as_float(spread));
    result.image = std::move(high);
    return result;
}

/// Each volume is normalised by its own intensities. The consistency is the worst of all.
UpscaleResult enlarge_series(const ChosenUpscaler& chosen, const UpscaleOptions& options,
                             const UpscaleJob& job, Series series) {
    UpscaleResult result;
    Series high, consistency, spread;
    for (std::size_t i = 0; i < series.size(); ++i) {
        const std::string label = fmt::format("volume {} of {}, ", i + 1, series.size());
        const std::string report = std::move(result.report);
        const UpscaleOrigin before = std::move(result.origin);
        result = enlarge_volume(chosen, options, job, series[i], label);
        series[i].voxels = {};  // its memory
        high.push_back(std::get<imaging::Volume>(std::move(result.image)));
        std::move(result.consistency.begin(), result.consistency.end(), std::back_inserter(consistency));
        std::move(result.spread.begin(), result.spread.end(), std::back_inserter(spread));
        result.report =
            report + (result.report.empty() ? "" : fmt::format("volume {}: {}", i, result.report));
        if (before.consistency)
            result.origin.consistency =
                std::max(*before.consistency, result.origin.consistency.value_or(0.0));
    }
    result.image = std::move(high);
    result.consistency = std::move(consistency);
    result.spread = std::move(spread);
    return result;
}

}  // namespace

UpscaleResult enlarge(const ChosenUpscaler& chosen, const UpscaleOptions& options, const UpscaleJob& job,
                      InputImage input) {
    if (const auto* picture = std::get_if<imaging::Picture>(&input.contents))
        return enlarge_picture(chosen, options, job, *picture);
    const imaging::Volume& first = *first_volume(input.contents);
    const int axis = options.slice_axis.of(first);
    auto warnings = explain_direction(chosen.upscaler, first, axis);
    if (const auto differences = chosen.upscaler.unlike_training(first, axis); !differences.empty())
        warnings.push_back(fmt::format("unlike the scans of the training: {}", fmt::join(differences, "; ")));
    for (std::string& note : notes_of(input.contents)) warnings.push_back(std::move(note));
    if (first.padding)
        warnings.emplace_back("the result has padding where the nearest voxel of the input is padding");
    for (const std::string& warning : warnings) warn(first.path, warning);
    UpscaleResult result;
    if (auto* series = std::get_if<Series>(&input.contents))
        result = enlarge_series(chosen, options, job, std::move(*series));
    else
        result = enlarge_volume(chosen, options, job, first, "");
    result.origin.warnings = std::move(warnings);
    result.dicom = std::move(input.dicom);
    if (!options.report.empty()) result.input = std::get<imaging::Volume>(std::move(input.contents));
    return result;
}

}  // namespace dnsp::tools
