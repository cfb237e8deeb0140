#include "tools/upscale/jobs.hpp"

#include <fmt/format.h>

#include <map>

#include "base/atomic_file.hpp"
#include "imaging/image_folder.hpp"
#include "tools/command_line.hpp"
#include "tools/files.hpp"
#include "tools/upscale/record.hpp"

namespace dnsp::tools {
namespace {

namespace fs = std::filesystem;

fs::path output_in_folder(const UpscaleOptions& options, const fs::path& input) {
    const std::string name = input.filename().string();
    return options.output / (options.bids ? bids_name(name) : name);
}

/// A result of --bids, which a later run does not enlarge again.
bool is_result(const fs::path& path) {
    return path.filename().string().find("_rec-dnsp") != std::string::npos;
}

std::vector<UpscaleJob> shard_of(std::vector<UpscaleJob> jobs, const Shard& shard) {
    std::vector<UpscaleJob> part;
    for (std::size_t i = static_cast<std::size_t>(shard.number - 1); i < jobs.size();
         i += static_cast<std::size_t>(shard.count))
        part.push_back(std::move(jobs[i]));
    return part;
}

}  // namespace

UpscaleJob single_job(const UpscaleOptions& options) {
    return {options.input, options.bids ? output_in_folder(options, options.input) : options.output};
}

std::vector<UpscaleJob> jobs_of_folder(const UpscaleOptions& options) {
    std::vector<UpscaleJob> jobs;
    const bool in_place = is_one_file(options.input, options.output);
    for (const fs::path& image :
         imaging::images_of_folder(options.input, imaging::FolderImages::volumes_and_pictures, print_notice))
        if (!in_place || !is_result(image)) jobs.push_back({image, output_in_folder(options, image)});
    std::map<fs::path, fs::path> records;
    for (const UpscaleJob& job : jobs) {
        const auto [other, is_new] = records.emplace(sidecar_path(job.output), job.input);
        require(is_new,
                fmt::format("{} and {}: their results would share the record {}; put them into two folders",
                            other->second.string(), job.input.string(), other->first.string()));
    }
    return options.shard ? shard_of(std::move(jobs), *options.shard) : jobs;
}

std::vector<UpscaleJob> unfinished(std::vector<UpscaleJob> jobs, const UpscaleOptions& options) {
    const std::size_t all = jobs.size();
    std::erase_if(jobs, [&](UpscaleJob& job) {
        const RecordState state = record_state(job);
        const bool finished = state == RecordState::finished && fs::exists(job.output);
        job.replaces_leftover = state == RecordState::unfinished ||
                                (options.skip_existing && state == RecordState::finished && !finished);
        if (!options.skip_existing || !finished) return false;
        // A process that was killed may not have released its hidden file yet when the next one came.
        for (const fs::path& file : {job.output, sidecar_path(job.output)}) remove_leftovers(file);
        return true;
    });
    if (all != jobs.size()) fmt::print("{} of {} results exist and are skipped\n", all - jobs.size(), all);
    return jobs;
}

void require_separate_outputs(const UpscaleOptions& options) {
    const bool folder = fs::is_directory(options.input) && !imaging::is_dicom(options.input);
    require(
        !folder || options.bids || !is_one_file(options.input, options.output),
        fmt::format("{}: is both input and output, so results would replace images; give another folder, or "
                    "--bids, which gives results names of their own",
                    options.input.string()));
    if (folder) return;
    const UpscaleJob job = single_job(options);
    const fs::path sidecar = sidecar_path(job.input);
    require_separate_files(
        {{"the input", job.input}, {"the sidecar of the input", fs::exists(sidecar) ? sidecar : fs::path()}},
        {{"the output", job.output},
         {"the record of the output", sidecar_path(job.output)},
         {"--consistency", options.consistency},
         {"--spread", options.spread},
         {"--report", options.report},
         {"--save-weights", options.save_weights}});
}

}  // namespace dnsp::tools
