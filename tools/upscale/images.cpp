#include "tools/upscale/images.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <future>

#include "base/atomic_file.hpp"
#include "imaging/nifti.hpp"
#include "inference/through_plane_upscaler.hpp"
#include "tools/consistency.hpp"
#include "tools/files.hpp"
#include "tools/progress.hpp"
#include "tools/upscale/report.hpp"

namespace dnsp::tools {
namespace {

namespace fs = std::filesystem;

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
    result.consistency = std::move(found.difference);
}

/// The ensemble's standard deviation is written or shown.
bool needs_spread(const UpscaleOptions& options) {
    return !options.spread.empty() || (options.inference.ensemble && !options.report.empty());
}

/// Values of a record as text: strings as they are, others as JSON.
std::vector<std::pair<std::string, std::string>> lines_of(const nlohmann::ordered_json& record) {
    std::vector<std::pair<std::string, std::string>> lines;
    for (const char* key :
         {"command", "version", "device", "input_sha256", "output_sha256", "weights", "acquisition"})
        lines.emplace_back(key,
                           record[key].is_string() ? record[key].get<std::string>() : record[key].dump());
    return lines;
}

std::string report_of(const UpscaleResult& result, const nlohmann::ordered_json& record) {
    UpscaleReport report{*result.input, std::get<imaging::Volume>(result.image)};
    if (result.consistency) report.difference = &*result.consistency;
    if (result.spread) report.spread = &*result.spread;
    report.consistency = result.origin.consistency;
    report.warnings = result.origin.warnings;
    report.record = lines_of(record);
    return html_report(report);
}

UpscaleResult enlarge_picture(const ChosenUpscaler& chosen, const UpscaleOptions& options,
                              const UpscaleJob& job, imaging::Picture picture) {
    require(chosen.upscaler.accepts_pictures(),
            job.input.string() +
                ": is a picture, but the network labels tissues and needs a skull-stripped "
                "volume, or makes thin slices of thick ones");
    require(options.consistency.empty() && options.spread.empty() && options.report.empty(),
            job.input.string() + ": is a picture; --consistency, --spread and --report are for volumes");
    const auto normalisation = imaging::percentile_normalisation(picture.image.pixels, job.input.string());
    const imaging::Image low = picture.image;
    UpscaleResult result{.origin = {chosen.weights, chosen.upscaler.acquisition()}};
    picture.image = chosen.upscaler.upscale(low, normalisation);
    check(result, chosen, options, low, normalisation, options.consistent, job.output, picture.image);
    result.image = std::move(picture);
    return result;
}

/// `failed` is called in the handler of an exception that a file caused, and may rethrow it.
void upscale_files(UpscalerChoice& choice, const UpscaleOptions& options, const std::vector<UpscaleJob>& jobs,
                   const std::function<void()>& failed) {
    const auto start_reading = [&](std::size_t i) {
        if (i == jobs.size()) return std::future<InputImage>();
        return std::async(std::launch::async, read_input, std::cref(options), std::cref(jobs[i]));
    };
    std::future<std::string> writing;
    const auto attempt = [&](const std::function<void()>& part) {
        try {
            part();
        } catch (const std::exception&) {
            failed();
        }
    };
    const auto finish_writing = [&] {
        if (writing.valid()) fmt::print("{}", writing.get());
    };
    std::future<InputImage> next = start_reading(0);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        std::future<InputImage> present = std::move(next);
        present.wait();
        next = start_reading(i + 1);
        attempt([&] {
            InputImage image = present.get();
            const ChosenUpscaler chosen = choice.of(image.contents, jobs[i].input.string());
            UpscaleResult result = enlarge(chosen, options, jobs[i], std::move(image));
            attempt(finish_writing);
            writing = std::async(std::launch::async, write_result, std::cref(options), std::cref(jobs[i]),
                                 std::move(result));
        });
    }
    attempt(finish_writing);
}

/// As require_free(), for a DICOM series: a folder, or a NIfTI file.
void require_free_dicom_output(const fs::path& output, bool force) {
    if (imaging::is_nifti_path(output)) return require_free(output, force);
    require(!imaging::is_picture_path(output),
            output.string() + ": expected a folder for a DICOM series, or a NIfTI file");
    require(force || !fs::exists(output), output.string() + ": already exists; --force replaces it");
    require(!fs::exists(output) || fs::is_directory(output), output.string() + ": is not a folder");
    const fs::path parent = output.has_parent_path() ? output.parent_path() : fs::path(".");
    require(fs::is_directory(parent), parent.string() + ": no such folder");
}

fs::path output_in_folder(const UpscaleOptions& options, const fs::path& input) {
    const std::string name = input.filename().string();
    return options.output / (options.bids ? bids_name(name) : name);
}

/// The images of the input folder, by name.
std::vector<UpscaleJob> jobs_of_folder(const UpscaleOptions& options) {
    std::error_code listing;
    std::vector<UpscaleJob> jobs;
    for (fs::directory_iterator it(options.input, listing), end; !listing && it != end; it.increment(listing))
        if (imaging::is_nifti_path(it->path()) || imaging::is_picture_path(it->path()))
            jobs.push_back({it->path(), output_in_folder(options, it->path())});
    require(!listing, options.input.string() + ": cannot be read (" + listing.message() + ")");
    require(!jobs.empty(),
            options.input.string() + ": the folder holds no image (.nii, .nii.gz, .png, .jpg)");
    std::sort(jobs.begin(), jobs.end(),
              [](const UpscaleJob& a, const UpscaleJob& b) { return a.input < b.input; });
    return jobs;
}

}  // namespace

UpscaleJob single_job(const UpscaleOptions& options) {
    return {options.input, options.bids ? output_in_folder(options, options.input) : options.output};
}

void upscale_input(UpscalerChoice& choice, const UpscaleOptions& options) {
    if (options.bids) fs::create_directories(options.output);
    if (!fs::is_directory(options.input) || imaging::is_dicom(options.input))
        return upscale_files(choice, options, {single_job(options)}, [] { throw; });
    const std::vector<UpscaleJob> jobs = jobs_of_folder(options);
    fs::create_directories(options.output);
    std::size_t failures = 0;
    upscale_files(choice, options, jobs, [&] {
        if (interrupted()) throw;
        try {
            throw;
        } catch (const std::exception& error) {
            fmt::print(stderr, "upscale: {}\n", error.what());
        }
        ++failures;
    });
    require(failures == 0,
            fmt::format("{}: {} of {} files failed", options.input.string(), failures, jobs.size()));
}

InputImage read_input(const UpscaleOptions& options, const UpscaleJob& job) {
    require(fs::exists(job.input), job.input.string() + ": no such file");
    require_free(sidecar_path(job.output), options.force);
    if (imaging::is_dicom(job.input)) {
        require_free_dicom_output(job.output, options.force);
        auto series = imaging::read_dicom(job.input, options.series);
        const bool as_nifti = imaging::is_nifti_path(job.output);
        return {std::move(series.volume), as_nifti ? nullptr : std::move(series.source)};
    }
    require(options.series.empty(), job.input.string() + ": is not DICOM; --series chooses a DICOM series");
    const ImageKind kind = image_kind(job.input);
    require(kind == image_kind(job.output),
            job.output.string() +
                ": expected the kind of the input: a picture for a picture, a volume for a volume");
    require_free(job.output, options.force);
    if (kind == ImageKind::picture) return {imaging::read_picture(job.input)};
    return {read_volume(job.input, options.volume)};
}

UpscaleResult enlarge(const ChosenUpscaler& chosen, const UpscaleOptions& options, const UpscaleJob& job,
                      InputImage input) {
    if (auto* picture = std::get_if<imaging::Picture>(&input.contents))
        return enlarge_picture(chosen, options, job, std::move(*picture));
    const ImageUpscaler& upscaler = chosen.upscaler;
    const imaging::Volume& low = std::get<imaging::Volume>(input.contents);
    const int axis = options.slice_axis.of(low);
    std::vector<std::string> warnings = explain_direction(upscaler, low, axis);
    if (const auto differences = upscaler.unlike_training(low, axis); !differences.empty())
        warnings.push_back(fmt::format("unlike the scans of the training: {}", fmt::join(differences, "; ")));
    for (const std::string& warning : warnings)
        fmt::print(stderr, "upscale: {}: warning: {}\n", low.path, warning);
    const int slices = upscaler.slices(low, axis);
    ProgressLine progress;
    imaging::Volume spread;
    UpscaleResult result{.origin = {chosen.weights, upscaler.acquisition()}};
    result.image = upscaler.upscale(
        low, axis,
        [&](int done) {
            progress.show(static_cast<double>(done) / slices,
                          fmt::format("{}: slice {} of {}", job.input.filename().string(), done, slices));
            if (interrupted()) throw Error(job.output.string() + ": interrupted, nothing written");
        },
        needs_spread(options) ? &spread : nullptr);
    progress.clear();
    auto& high = std::get<imaging::Volume>(result.image);
    check(result, chosen, options, low, axis, options.consistent, job.output, high);
    imaging::prepend_description(high, description_of(result.origin));
    result.origin.axis = axis;
    const auto slice_axis = static_cast<std::size_t>(axis);
    result.origin.has_thinner_slices = high.voxel_size_mm[slice_axis] < low.voxel_size_mm[slice_axis];
    result.dicom = std::move(input.dicom);
    result.origin.warnings = std::move(warnings);
    if (needs_spread(options)) result.spread = as_float(spread);
    if (!options.report.empty()) result.input = std::get<imaging::Volume>(std::move(input.contents));
    return result;
}

std::string write_result(const UpscaleOptions& options, const UpscaleJob& job, const UpscaleResult& result) {
    if (!options.consistency.empty()) imaging::write_nifti(options.consistency, *result.consistency);
    if (!options.spread.empty()) imaging::write_nifti(options.spread, *result.spread);
    std::string line;
    if (const auto* picture = std::get_if<imaging::Picture>(&result.image)) {
        imaging::write_picture(job.output, *picture);
        line = fmt::format("{}: {}×{} pixels\n", job.output.string(), picture->image.width,
                           picture->image.height);
    } else {
        const auto& high = std::get<imaging::Volume>(result.image);
        if (result.dicom)
            imaging::write_dicom(job.output, high, *result.dicom, description_of(result.origin),
                                 options.force);
        else
            imaging::write_nifti(job.output, high);
        line = fmt::format("{}: {}×{}×{} voxels of {:.3g}×{:.3g}×{:.3g} mm\n", job.output.string(),
                           high.size[0], high.size[1], high.size[2], high.voxel_size_mm[0],
                           high.voxel_size_mm[1], high.voxel_size_mm[2]);
    }
    const auto record = write_record(options, job, result.image, result.origin);
    if (result.input) write_atomically(options.report, report_of(result, record));
    return result.report + line;
}

}  // namespace dnsp::tools
