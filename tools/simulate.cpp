// simulate: degrades volumes and pictures for experiments.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "imaging/acquisition.hpp"
#include "imaging/normalisation.hpp"
#include "imaging/picture.hpp"
#include "imaging/volume_file.hpp"
#include "tools/command_line.hpp"
#include "tools/files.hpp"

namespace {

using namespace dnsp;
namespace fs = std::filesystem;

struct Options {
    fs::path input, output;
    imaging::DegradationSettings degradation;
    tools::SliceAxis slice_axis;
    std::optional<int> volume;
    imaging::IntensityType type = imaging::IntensityType::keep;
    bool force = false;
};

/// The intensity range that scales the noise. Without noise any image is allowed, also a constant one.
double intensity_range(const imaging::Degradation& degradation, std::span<const float> values,
                       const std::string& path) {
    if (degradation.noise == 0.0 && !degradation.low_field) return 1.0;
    const auto range = imaging::percentile_normalisation(values, path);
    return range.high - range.low;
}

imaging::Volume degraded(const imaging::Volume& high, int axis, const imaging::Degradation& degradation,
                         double range) {
    imaging::Volume low = imaging::coarser_grid(high, axis, degradation.scale, degradation.phase);
    for (int i = 0; i < imaging::slice_count(high, axis); ++i) {
        const imaging::Image slice =
            imaging::crop_to_multiple(imaging::extract_slice(high, axis, i), degradation.scale);
        imaging::insert_slice(low, axis, i, imaging::degrade(slice, degradation, range));
    }
    return low;
}

/// Thick slices along `axis`.
imaging::Volume with_thick_slices(const imaging::Volume& high, int axis,
                                  const imaging::Degradation& degradation, double range) {
    const imaging::ThroughPlane& acquisition = *degradation.through_plane;
    const double voxel = high.voxel_size_mm[static_cast<std::size_t>(axis)];
    const int count = imaging::thick_slice_count(imaging::slice_count(high, axis), voxel, acquisition);
    imaging::Volume low = imaging::changed_spacing(high, axis, count, acquisition.spacing);
    const int across = axis == 0 ? 1 : 0;
    for (int i = 0; i < imaging::slice_count(high, across); ++i)
        imaging::insert_oriented_slice(
            low, across, axis, i,
            imaging::degrade(imaging::extract_oriented_slice(high, across, axis, i), degradation, range,
                             voxel));
    return low;
}

nlohmann::json simulate_volume(const Options& options, const imaging::Degradation& acquisition) {
    const imaging::Volume truth = tools::read_volume(options.input, options.volume);
    const imaging::Degradation degradation = imaging::drawn_for(truth, acquisition);
    const imaging::Volume high = imaging::received(truth, degradation);
    const int axis = options.slice_axis.of(high);
    const double range = intensity_range(degradation, high.voxels, high.path);
    const imaging::Volume low = degradation.through_plane ? with_thick_slices(high, axis, degradation, range)
                                                          : degraded(high, axis, degradation, range);
    tools::write_volume(options.output, low, options.type);
    return {{"degradation", imaging::describe(degradation)},
            {"slice_axis", std::string(1, "xyz"[axis])},
            {"source_size", high.size},
            {"size", low.size},
            {"source_voxel_size_mm", high.voxel_size_mm},
            {"voxel_size_mm", low.voxel_size_mm}};
}

nlohmann::json simulate_picture(const Options& options, const imaging::Degradation& acquisition) {
    require(!acquisition.through_plane,
            options.input.string() + ": a picture has no pixel size; thick slices need a volume");
    imaging::Picture picture = imaging::read_grey_picture(options.input);
    const imaging::Degradation degradation = imaging::drawn_for(picture.image, acquisition);
    picture.image = imaging::received(std::move(picture.image), degradation);
    const int height = picture.image.height, width = picture.image.width;
    picture.image = imaging::crop_to_multiple(picture.image, degradation.scale);
    picture.image =
        imaging::degrade(picture.image, degradation,
                         intensity_range(degradation, picture.image.pixels, options.input.string()));
    imaging::write_picture(options.output, picture);
    return {{"degradation", imaging::describe(degradation)},
            {"source_size", {width, height}},
            {"size", {picture.image.width, picture.image.height}}};
}

int simulate(Options options) {
    options.degradation.through_plane.read_profile();
    const imaging::Degradation degradation = options.degradation.make();
    const fs::path sidecar = tools::sidecar_path(options.output);
    const tools::ImageKind kind = tools::image_kind(options.input);
    require(fs::exists(options.input), options.input.string() + ": no such file");
    require(kind == tools::image_kind(options.output),
            options.output.string() +
                ": expected the kind of the input: a picture for a picture, a volume for a volume");
    const fs::path of_input = tools::sidecar_path(options.input);
    tools::require_outputs({{"the input", options.input},
                            {"the sidecar of the input", fs::exists(of_input) ? of_input : fs::path()}},
                           {{"the output", options.output}, {"the sidecar of the output", sidecar}},
                           options.force);
    require(kind == tools::ImageKind::volume || options.type == imaging::IntensityType::keep,
            options.input.string() + ": is a picture; --type is for volumes");
    nlohmann::json record = kind == tools::ImageKind::volume ? simulate_volume(options, degradation)
                                                             : simulate_picture(options, degradation);
    record["source"] = options.input.filename().string();
    record["program"] = "simulate (DNSP) " DNSP_VERSION;
    write_atomically(sidecar, json_text(record, 2) + "\n");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Degrades a high-resolution volume (slice by slice) or picture: blur and decimation by a named preset, the noise "
        "of a lower field strength on the same grid (preset low-field), or thick slices (--direction through-plane). "
        "Writes the result and a JSON sidecar with its parameters. Sides that are not multiples of the scale are cropped.",
        "simulate");
    app.add_option("input", options.input, "volume, PNG or JPEG")->required();
    app.add_option("output", options.output, "file of the same kind")->required();
    tools::OptionParser parser(app);
    parser.add(options.degradation);
    parser.add(options.slice_axis);
    app.add_option("--volume", options.volume, "index of the volume in a 4-D file, from 0");
    tools::add_type_option(app, options.type);
    app.add_flag("--force", options.force, "overwrite existing output");
    return tools::run_tool(app, argc, argv, [&] {
        parser.apply(options.degradation);
        tools::complete_degradation(app, options.degradation);
        parser.apply(options.slice_axis);
        return simulate(options);
    });
}
