#include "tools/upscale/images.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <future>

#include "base/atomic_file.hpp"
#include "base/counted.hpp"
#include "base/json.hpp"
#include "base/warning.hpp"
#include "imaging/volume_file.hpp"
#include "tools/command_line.hpp"
#include "tools/files.hpp"
#include "tools/progress.hpp"
#include "tools/upscale/jobs.hpp"
#include "tools/upscale/record.hpp"
#include "tools/upscale/report.hpp"

namespace dnsp::tools {
namespace {

namespace fs = std::filesystem;

/// Where no thread can be started, the work is done when its result is asked for.
constexpr std::launch with_thread_if_possible = std::launch::async | std::launch::deferred;

/// Values of a record as text: strings as they are, others as JSON.
std::vector<std::pair<std::string, std::string>> lines_of(const nlohmann::ordered_json& record) {
    std::vector<std::pair<std::string, std::string>> lines;
    for (const char* key :
         {"command", "version", "device", "input_sha256", "output_sha256", "weights", "acquisition"})
        lines.emplace_back(key,
                           record[key].is_string() ? record[key].get<std::string>() : json_text(record[key]));
    return lines;
}

std::string report_of(const UpscaleResult& result, const UpscaleOrigin& origin,
                      const nlohmann::ordered_json& record) {
    UpscaleReport report{*result.input, std::get<imaging::Volume>(result.image)};
    if (!result.consistency.empty()) report.difference = &result.consistency.front();
    if (!result.spread.empty()) report.spread = &result.spread.front();
    report.consistency = origin.consistency;
    report.warnings = origin.warnings;
    report.record = lines_of(record);
    return html_report(report);
}

/// The files of a diffusion series' gradients, FSL's scan.bval and scan.bvec, that are to be copied, and
/// their new places. They refer to the axes of the image, which stay.
std::vector<std::pair<fs::path, fs::path>> gradients_of(const UpscaleJob& job) {
    std::vector<std::pair<fs::path, fs::path>> files;
    for (const char* extension : {".bval", ".bvec"}) {
        const fs::path from = sidecar_path(job.input).replace_extension(extension);
        const fs::path to = sidecar_path(job.output).replace_extension(extension);
        std::error_code error;
        if (fs::exists(from) && !fs::equivalent(from, to, error)) files.emplace_back(from, to);
    }
    return files;
}

/// `failed` is called in the handler of an exception that a file caused, and may rethrow it.
void upscale_files(UpscalerChoice& choice, const UpscaleOptions& options, const std::vector<UpscaleJob>& jobs,
                   const std::function<void()>& failed) {
    const auto start_reading = [&](std::size_t i) {
        if (i == jobs.size()) return std::future<InputImage>();
        return std::async(with_thread_if_possible, read_input, std::cref(options), std::cref(jobs[i]));
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
            writing = std::async(with_thread_if_possible, write_result, std::cref(options),
                                 std::cref(jobs[i]), std::move(result));
        });
    }
    attempt(finish_writing);
}

/// As require_free(), for a DICOM series: a folder, or a file of a volume.
void require_free_dicom_output(const fs::path& output, bool force) {
    if (imaging::is_volume_path(output)) return require_free(output, force);
    require(!imaging::is_picture_path(output),
            output.string() + ": expected a folder for a DICOM series, or the name of a volume");
    require(force || !fs::exists(output), output.string() + ": already exists; --force replaces it");
    require(!fs::exists(output) || fs::is_directory(output), output.string() + ": is not a folder");
    const fs::path parent = output.has_parent_path() ? output.parent_path() : fs::path(".");
    require(fs::is_directory(parent), parent.string() + ": no such folder");
}

std::string write_files(const UpscaleOptions& options, const UpscaleJob& job, const UpscaleResult& result) {
    if (!options.consistency.empty()) imaging::write_volumes(options.consistency, result.consistency);
    if (!options.spread.empty()) imaging::write_volumes(options.spread, result.spread);
    std::string line, change;
    if (const auto* picture = std::get_if<imaging::Picture>(&result.image)) {
        imaging::write_picture(job.output, *picture);
        line = fmt::format("{}: {}×{} pixels\n", job.output.string(), picture->image.width,
                           picture->image.height);
    } else {
        const imaging::Volume& high = *first_volume(result.image);
        const auto* series = std::get_if<Series>(&result.image);
        if (series != nullptr) {
            change = imaging::write_volumes(job.output, *series, options.type);
            for (const auto& [from, to] : gradients_of(job)) copy_atomically(from, to);
        } else if (result.dicom) {
            change = imaging::write_dicom(job.output, high, *result.dicom, description_of(result.origin),
                                          options.force || job.replaces_leftover);
        } else {
            change = imaging::write_volume(job.output, high, options.type);
        }
        line = fmt::format("{}: {}{}×{}×{} voxels of {:.3g}×{:.3g}×{:.3g} mm\n", job.output.string(),
                           series != nullptr ? fmt::format("{} volumes of ", series->size()) : "",
                           high.size[0], high.size[1], high.size[2], high.voxel_size_mm[0],
                           high.voxel_size_mm[1], high.voxel_size_mm[2]);
    }
    UpscaleOrigin origin = result.origin;
    if (!change.empty()) {
        warn(job.output.string(), change);
        origin.warnings.push_back(change);
    }
    const auto record = write_record(options, job, result.image, origin);
    if (result.input) write_atomically(options.report, report_of(result, origin, record));
    return result.report + line;
}

}  // namespace

void upscale_input(UpscalerChoice& choice, const UpscaleOptions& options) {
    if (options.bids) fs::create_directories(options.output);
    if (!fs::is_directory(options.input) || imaging::is_dicom(options.input))
        return upscale_files(choice, options, unfinished({single_job(options)}, options), [] { throw; });
    const std::vector<UpscaleJob> jobs = unfinished(jobs_of_folder(options), options);
    const NewFolder folder(options.output);  // removed if every file fails
    std::size_t failures = 0;
    upscale_files(choice, options, jobs, [&] {
        if (interrupted()) throw;
        try {
            throw;
        } catch (const std::exception& error) {
            fmt::print(stderr, "upscale: {}\n", message_of(error));
        }
        ++failures;
    });
    require(failures == 0, fmt::format("{}: {} of {} failed", options.input.string(), failures,
                                       counted(jobs.size(), "file")));
}

InputImage read_input(const UpscaleOptions& options, const UpscaleJob& job) {
    require(fs::exists(job.input), job.input.string() + ": no such file");
    const bool force = options.force || job.replaces_leftover;
    require_free(sidecar_path(job.output), force);
    if (imaging::is_dicom(job.input)) {
        require_free_dicom_output(job.output, force);
        auto series = imaging::read_dicom(job.input, options.series);
        const bool as_file = imaging::is_volume_path(job.output);
        require(options.type == imaging::IntensityType::keep || as_file,
                job.output.string() +
                    ": is a DICOM series, which stores 16 bits; --type is for files of volumes");
        return {std::move(series.volume), as_file ? nullptr : std::move(series.source)};
    }
    require(options.series.empty(), job.input.string() + ": is not DICOM; --series chooses a DICOM series");
    const ImageKind kind = image_kind(job.input);
    require(kind == image_kind(job.output),
            job.output.string() +
                ": expected the kind of the input: a picture for a picture, a volume for a volume");
    require_free(job.output, force);
    if (kind == ImageKind::picture) {
        require(options.type == imaging::IntensityType::keep,
                job.input.string() + ": is a picture; --type is for volumes");
        require(!options.volume, job.input.string() + ": is a picture; --volume chooses one of a 4-D file");
        require(options.slice_axis.axis < 0, job.input.string() + ": is a picture; --axis is for volumes");
        return {imaging::read_picture(job.input)};
    }
    if (options.volume) return {read_volume(job.input, options.volume)};
    Series series = imaging::read_volumes(job.input);
    if (series.size() == 1) return {std::move(series.front())};
    require(options.report.empty(),
            fmt::format("{}: holds {} volumes; --report shows one, chosen with --volume", job.input.string(),
                        series.size()));
    imaging::require_writable_format(job.output, series.size());
    for (const auto& [from, to] : gradients_of(job)) require_free(to, force);
    return {std::move(series)};
}

std::string write_result(const UpscaleOptions& options, const UpscaleJob& job, const UpscaleResult& result) {
    start_record(job);
    try {
        return write_files(options, job, result);
    } catch (const std::exception&) {
        // Beside a result, the record of a run that did not finish tells the next run that it may replace it.
        std::error_code ignored;
        if (!fs::exists(job.output, ignored)) fs::remove(sidecar_path(job.output), ignored);
        throw;
    }
}

}  // namespace dnsp::tools
