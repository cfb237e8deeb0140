#include "tools/upscale/self.hpp"

#include <fmt/format.h>

#include "base/atomic_file.hpp"
#include "base/temporary_folder.hpp"
#include "inference/through_plane_upscaler.hpp"
#include "inference/upscaler.hpp"
#include "tools/files.hpp"
#include "tools/progress.hpp"
#include "tools/upscale/images.hpp"
#include "tools/upscale/jobs.hpp"

namespace dnsp::tools {

namespace fs = std::filesystem;

void upscale_self(const UpscaleOptions& options, Device device) {
    require(!fs::is_directory(options.input) || imaging::is_dicom(options.input),
            options.input.string() + ": is a folder; --self trains on one scan at a time");
    require(options.direction != UpscaleDirection::in_plane,
            "--self learns from pixels within slices, for --direction through-plane");
    require(!options.scale, "--scale enlarges pixels; --self makes thin slices, --voxel mm apart");
    if (options.bids) fs::create_directories(options.output);
    const std::vector<UpscaleJob> jobs = unfinished({single_job(options)}, options);
    if (jobs.empty()) return;
    const UpscaleJob& job = jobs.front();
    if (!options.save_weights.empty()) require_free(options.save_weights, options.force);
    InputImage input = read_input(options, job);
    require(!std::holds_alternative<Series>(input.contents),
            options.input.string() + ": holds several volumes; choose the one to train on with --volume");
    require(std::holds_alternative<imaging::Volume>(input.contents),
            options.input.string() + ": is a picture; --self needs a volume with thick slices");
    const auto& scan = std::get<imaging::Volume>(input.contents);
    require(imaging::slice_count(scan, options.slice_axis.of(scan)) > 1, scan.path,
            "holds one slice; --self needs several, which become thin");
    apply(options.convolution, device);
    catch_interrupts(until_tidy);
    const TrainingSettings settings =
        self_supervised_settings(scan, options.slice_axis.of(scan), options.self_supervision);
    ThroughPlaneUpscaler(std::nullopt, options.voxel_mm).require_finer(scan, options.slice_axis.of(scan));
    const TemporaryFolder folder;
    ProgressLine progress;
    const fs::path weights = train_on_scan(
        scan, settings, options.self_supervision.minutes, device, folder.path(),
        command_text("upscale", options.arguments),
        [&](const SelfSupervisionProgress& p) {
            progress.show(static_cast<double>(p.step) / static_cast<double>(p.total_steps),
                          fmt::format("training on the scan, step {} of {}, {} left, loss {:.1e}", p.step,
                                      p.total_steps, duration_text(p.seconds_left), p.loss));
        },
        interrupted);
    progress.clear();
    if (!options.save_weights.empty()) copy_atomically(weights, options.save_weights);
    const ThroughPlaneUpscaler upscaler(Upscaler(load_network(weights, device), options.inference),
                                        options.voxel_mm);
    const UpscaleResult result = enlarge({upscaler, {}}, options, job, std::move(input));
    fmt::print("{}", write_result(options, job, result));
}

}  // namespace dnsp::tools
