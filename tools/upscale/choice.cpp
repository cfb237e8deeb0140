#include "tools/upscale/choice.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "imaging/scan_statistics.hpp"
#include "inference/shipped_weights.hpp"
#include "inference/through_plane_upscaler.hpp"
#include "inference/upscaler.hpp"
#include "tools/classical_upscaler.hpp"
#include "training/subject.hpp"

namespace dnsp::tools {
namespace {

constexpr int default_scale = 2;

std::unique_ptr<ImageUpscaler> make_method(const UpscaleOptions& options) {
    if (options.direction == UpscaleDirection::through_plane) {
        require(options.method == "bicubic",
                options.method + ": does not make thin slices; --method bicubic interpolates between them");
        require(!options.scale, "--scale enlarges pixels; --voxel is for --direction through-plane");
        return std::make_unique<ThroughPlaneUpscaler>(std::nullopt, options.voxel_mm);
    }
    require(options.scale.has_value(), "--method needs --scale");
    require(options.voxel_mm == 0.0, "--voxel needs --direction through-plane");
    imaging::DegradationSettings degradation = options.degradation;
    degradation.scale = *options.scale;
    const imaging::Degradation acquisition = degradation.make();
    require(!acquisition.ranges, "the classical method assumes one acquisition, not a range");
    return std::make_unique<ClassicalUpscaler>(classical::make_method(options.method), acquisition);
}

double fine_detail_db(const ImageContents& contents, const SliceAxis& slice_axis) {
    if (const imaging::Volume* volume = first_volume(contents))
        return dnsp::fine_detail_db(*volume, slice_axis.of(*volume));
    const imaging::Image& picture = std::get<imaging::Picture>(contents).image;
    const auto range = imaging::percentile_normalisation(picture.pixels, "picture");
    return imaging::scan_statistics({picture}, range, 0.0).fine_detail_db;
}

double voxel_mm(const imaging::Volume& volume, int axis) {
    return volume.voxel_size_mm[static_cast<std::size_t>(axis)];
}

}  // namespace

std::string voxel_text(const imaging::Volume& volume, int axis) {
    return fmt::format("slices are {:.3g} mm apart, pixels {:.3g}×{:.3g} mm", voxel_mm(volume, axis),
                       voxel_mm(volume, imaging::column_axis(axis)),
                       voxel_mm(volume, imaging::row_axis(axis)));
}

bool has_thick_slices(const imaging::Volume& volume, int axis) {
    if (imaging::slice_count(volume, axis) == 1) return false;
    const double pixel =
        std::min(voxel_mm(volume, imaging::row_axis(axis)), voxel_mm(volume, imaging::column_axis(axis)));
    return voxel_mm(volume, axis) >= thick_slice_ratio * pixel;
}

UpscalerChoice::UpscalerChoice(const UpscaleOptions& options, Device device)
    : options_(options), device_(device) {
    if (!options.method.empty()) {
        auto& method = loaded_[options.method];
        method = make_method(options);
        named_.emplace(ChosenUpscaler{*method, {}});
        return;
    }
    apply(options.convolution, device);
    if (!options.weights.empty()) {
        const auto path = find_weights(options.weights, shipped_weights_folder());
        named_.emplace(ChosenUpscaler{load(path), path});
    }
    require(options.direction != UpscaleDirection::through_plane || !options.scale,
            "--scale enlarges pixels; --voxel is for --direction through-plane");
}

const ImageUpscaler& UpscalerChoice::load(const std::filesystem::path& path) {
    auto& kept = loaded_[path.string()];
    if (kept) return *kept;
    auto upscaler = std::make_unique<Upscaler>(load_network(path, device_), options_.inference);
    const bool thick = upscaler->degradation().through_plane.has_value();
    require(options_.direction == UpscaleDirection::automatic ||
                (options_.direction == UpscaleDirection::through_plane) == thick,
            fmt::format("{}: was trained {}, not for the given --direction", path.string(),
                        thick ? "through-plane" : "in-plane"));
    require(thick || options_.voxel_mm == 0.0,
            fmt::format("--voxel: {} was trained in-plane, where the scale decides", path.string()));
    require(!options_.scale || (!thick && *options_.scale == upscaler->scale()),
            thick ? fmt::format("--scale: {} makes thin slices; --voxel is their distance", path.string())
                  : fmt::format("{}: trained for scale {}, not {}", path.string(), upscaler->scale(),
                                options_.scale.value_or(0)));
    if (thick)
        kept = std::make_unique<ThroughPlaneUpscaler>(std::move(*upscaler), options_.voxel_mm);
    else
        kept = std::move(upscaler);
    return *kept;
}

ChosenUpscaler UpscalerChoice::of(const ImageContents& image, const std::string& path) {
    if (named_) return *named_;
    bool thick = options_.direction == UpscaleDirection::through_plane;
    std::string reason = thick ? "--direction through-plane" : "";
    if (const imaging::Volume* volume = first_volume(image)) {
        const int axis = options_.slice_axis.of(*volume);
        const bool free = options_.direction == UpscaleDirection::automatic && !options_.scale;
        thick = thick || (free && (has_thick_slices(*volume, axis) || options_.voxel_mm > 0.0));
        if (free) reason = voxel_text(*volume, axis);
    }
    const std::filesystem::path folder = shipped_weights_folder();
    const auto weights = list_weights(folder);
    const double detail = fine_detail_db(image, options_.slice_axis);
    const ShippedWeights& chosen = best_weights(
        weights, folder, thick ? imaging::Direction::through_plane : imaging::Direction::in_plane,
        options_.scale.value_or(default_scale), detail);
    if (!thick && chosen.fine_detail_db)
        reason += fmt::format("{}fine detail {:.1f} dB, the training's {:.1f} dB", reason.empty() ? "" : "; ",
                              detail, *chosen.fine_detail_db);
    fmt::print("{}: weights {}, {}{}\n", path, chosen.name, purpose(chosen.degradation),
               reason.empty() ? "" : " (" + reason + ")");
    return {load(chosen.path), chosen.path};
}

}  // namespace dnsp::tools
