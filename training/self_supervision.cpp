#include "training/self_supervision.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "training/recipes.hpp"
#include "training/trainer.hpp"

namespace dnsp {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int patches_per_slice = 32;
constexpr int watched_slices = 2;     // of the score that a Trainer computes after each epoch
constexpr int least_probe_steps = 8;  // steps that measure the speed
constexpr double probe_share = 0.03;  // of the time
constexpr double least_training_share = 0.2;
constexpr double files_share = 0.02;     // of the time, for reading and writing
constexpr double planned_share = 0.95;   // of the training's time, if the machine keeps its speed
constexpr double backward_factor = 3.0;  // time of forward and backward relative to forward

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// The slices degraded along their rows and along their columns. All are trained on; the score of the
/// progress is that of some of them.
Split split_of(const imaging::Volume& scan, int axis, const imaging::Degradation& degradation) {
    Split split;
    for (const int y_axis : {imaging::row_axis(axis), imaging::column_axis(axis)})
        split.training.push_back(make_thick_slice_subject(scan, degradation, axis, y_axis));
    split.validation = {split.training.front()};
    std::vector<SlicePair>& watched = split.validation.front().slices;
    watched.erase(watched.begin() + std::min<std::ptrdiff_t>(watched_slices, std::ssize(watched)),
                  watched.end());
    split.description = "self-supervised: the scan's own slices";
    return split;
}

/// Seconds of a step, measured by a run that is thrown away.
double seconds_of_step(const TrainingSettings& settings, const Split& split, Device device,
                       const std::filesystem::path& folder, double time, const std::function<bool()>& stop) {
    Trainer trainer(settings, split, device, folder, "");
    std::int64_t steps = 0;
    const Clock::time_point begin = Clock::now();
    Clock::time_point warm = begin;
    bool interrupted = false;
    trainer.run([](const TrainingProgress&) {},
                [&] {
                    if (++steps == 2) warm = Clock::now();
                    interrupted = stop();
                    return interrupted ||
                           (steps >= least_probe_steps && seconds_since(begin) > probe_share * time);
                });
    require(!interrupted, "interrupted, nothing written");
    return seconds_since(warm) / static_cast<double>(steps - 2);
}

/// Pixels of the slices that the network computes when it is applied.
double pixels_to_apply(const imaging::Volume& scan, int axis) {
    const auto along = static_cast<std::size_t>(axis);
    double voxels = 1.0;
    for (const int n : scan.size) voxels *= n;
    const double pixel = std::min(scan.voxel_size_mm[static_cast<std::size_t>(imaging::row_axis(axis))],
                                  scan.voxel_size_mm[static_cast<std::size_t>(imaging::column_axis(axis))]);
    return 2.0 * voxels * scan.voxel_size_mm[along] / pixel;
}

}  // namespace

void SelfSupervision::visit(OptionVisitor& v) {
    v.option({.key = "minutes",
              .flag = "--minutes",
              .help = "--self: time of the whole computation, which decides the number of steps",
              .range = Range::positive},
             minutes);
    v.option({.key = "steps",
              .flag = "--steps",
              .help = "--self: number of training steps instead, for results that can be repeated",
              .range = Range::positive},
             steps);
    v.option({.key = "thickness",
              .flag = "--thickness",
              .help = "--self: thickness of the scan's slices in mm [the distance of their middles]",
              .range = Range::positive},
             thickness_mm);
    v.option({.key = "profile", .flag = "--profile", .help = "--self: sensitivity across a slice"}, profile,
             {{"gaussian", imaging::SliceProfile::gaussian}, {"box", imaging::SliceProfile::box}});
    v.option({.key = "seed", .flag = "--seed", .help = "--self: seed of weights and patches"}, seed);
}

TrainingSettings self_supervised_settings(const imaging::Volume& scan, int axis,
                                          const SelfSupervision& options) {
    const double spacing = scan.voxel_size_mm[static_cast<std::size_t>(axis)];
    const double row = scan.voxel_size_mm[static_cast<std::size_t>(imaging::row_axis(axis))],
                 column = scan.voxel_size_mm[static_cast<std::size_t>(imaging::column_axis(axis))];
    require(spacing > std::max(row, column), scan.path,
            fmt::format(
                "its slices are {:.3g} mm apart and its pixels {:.3g}×{:.3g} mm large, so that its slices "
                "do not show what is missing between them",
                spacing, column, row));
    TrainingSettings settings;
    settings.inputs = {scan.path};
    settings.degradation.direction = imaging::Direction::through_plane;
    settings.degradation.preset = imaging::through_plane_preset;
    settings.degradation.scale = 1;
    settings.degradation.through_plane.thickness =
        options.thickness_mm > 0.0 ? options.thickness_mm : spacing;
    settings.degradation.through_plane.spacing = spacing;
    settings.degradation.through_plane.profile = options.profile;
    settings.axis = axis;
    settings.seed = options.seed;
    apply_recipe("fast", settings);
    settings.patches_per_slice = patches_per_slice;
    settings.steps = options.steps;
    return settings;
}

std::filesystem::path train_on_scan(const imaging::Volume& scan, TrainingSettings settings, double minutes,
                                    Device device, const std::filesystem::path& folder,
                                    const std::string& command,
                                    const std::function<void(const SelfSupervisionProgress&)>& watch,
                                    const std::function<bool()>& stop) {
    const Clock::time_point begin = Clock::now();
    const Split split = split_of(scan, settings.axis, settings.degradation.make());
    double time = 0.0;  // of the training, in seconds from `begin`
    if (settings.steps == 0) {
        const double whole = (1.0 - files_share) * 60.0 * minutes;
        settings.steps = 1 << 20;
        const double step = seconds_of_step(settings, split, device, folder / "speed", whole, stop);
        const double patch_pixels = static_cast<double>(settings.batch) * settings.patch * settings.patch;
        const double applying = pixels_to_apply(scan, settings.axis) / patch_pixels * step / backward_factor;
        time = whole - applying;
        const double left = time - seconds_since(begin);
        require(
            left > least_training_share * whole,
            fmt::format("--minutes {:.3g}: applying the network will take about {:.1f} minutes, so that too "
                        "little time is left for training",
                        minutes, applying / 60.0));
        settings.steps = std::max(1, static_cast<int>(planned_share * left / step));
    }
    Trainer trainer(settings, split, device, folder, command);
    bool interrupted = false;
    const bool finished = trainer.run(
        [&](const TrainingProgress& p) {
            const auto left = static_cast<double>(p.total_steps - p.step);
            watch(
                {p.step, p.total_steps, p.steps_per_second > 0.0 ? left / p.steps_per_second : 0.0, p.loss});
        },
        [&] {
            interrupted = stop();
            return interrupted || (time > 0.0 && seconds_since(begin) > time);
        });
    require(!interrupted, "interrupted, nothing written");
    return folder / (finished ? "weights.safetensors" : "checkpoint.safetensors");
}

}  // namespace dnsp
