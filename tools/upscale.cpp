// upscale: one image, one NIfTI volume or a folder of them through a trained network.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "imaging/nifti.hpp"
#include "imaging/picture.hpp"
#include "tools/command_line.hpp"
#include "tools/files.hpp"
#include "tools/progress.hpp"
#include "training/upscaler.hpp"

namespace {

using namespace dnsp;
namespace fs = std::filesystem;

struct Options {
    fs::path input, output, weights;
    tools::DeviceOptions device;
    int axis = -1, tile = 0;
    std::optional<int> scale, volume;
    bool force = false;
};

void upscale_picture(const Upscaler& upscaler, const fs::path& input, const fs::path& output) {
    imaging::Picture picture = imaging::read_picture(input);
    const auto normalisation = imaging::percentile_normalisation(picture.image.pixels, input.string());
    picture.image = upscaler.upscale(picture.image, normalisation);
    imaging::write_picture(output, picture);
}

void upscale_volume(const Upscaler& upscaler, const Options& options, const fs::path& input,
                    const fs::path& output) {
    const imaging::Volume low = imaging::read_nifti(input, options.volume);
    const int axis = options.axis >= 0 ? options.axis : imaging::default_slice_axis(low);
    const auto normalisation = imaging::percentile_normalisation(low.voxels, input.string());
    imaging::Volume high = imaging::finer_grid(low, axis, upscaler.scale(), upscaler.degradation().phase);
    tools::ProgressLine progress;
    const int slices = imaging::slice_count(low, axis);
    for (int i = 0; i < slices; ++i) {
        imaging::insert_slice(high, axis, i,
                              upscaler.upscale(imaging::extract_slice(low, axis, i), normalisation));
        progress.show((i + 1.0) / slices,
                      fmt::format("{}: slice {} of {}", input.filename().string(), i + 1, slices));
        if (tools::interrupted()) throw Error(output.string() + ": interrupted, nothing written");
    }
    progress.clear();
    imaging::write_nifti(output, high);
    fmt::print("{}: {}×{}×{} voxels of {:.3g}×{:.3g}×{:.3g} mm, ×{} across slices along {}\n",
               output.string(), high.size[0], high.size[1], high.size[2], high.voxel_size_mm[0],
               high.voxel_size_mm[1], high.voxel_size_mm[2], upscaler.scale(), "xyz"[axis]);
}

void upscale_file(const Upscaler& upscaler, const Options& options, const fs::path& input,
                  const fs::path& output) {
    require(fs::exists(input), input.string() + ": is not there");
    const tools::ImageKind kind = tools::image_kind(input);
    require(kind == tools::image_kind(output),
            output.string() +
                ": a picture becomes a picture and a volume a volume; choose a name of the input's kind");
    tools::require_free(output, options.force);
    if (kind == tools::ImageKind::volume)
        upscale_volume(upscaler, options, input, output);
    else
        upscale_picture(upscaler, input, output);
}

/// Goes on after a bad file and says at the end how many there were.
int upscale_folder(const Upscaler& upscaler, const Options& options) {
    std::error_code listing;
    std::vector<fs::path> inputs;
    for (fs::directory_iterator it(options.input, listing), end; !listing && it != end; it.increment(listing))
        if (imaging::is_nifti_path(it->path()) || imaging::is_picture_path(it->path()))
            inputs.push_back(it->path());
    require(!listing, options.input.string() + ": cannot be read (" + listing.message() + ")");
    require(!inputs.empty(),
            options.input.string() + ": the folder holds no image (.nii, .nii.gz, .png, .jpg)");
    std::sort(inputs.begin(), inputs.end());
    fs::create_directories(options.output);
    std::size_t failures = 0;
    for (const fs::path& input : inputs) try {
            upscale_file(upscaler, options, input, options.output / input.filename());
        } catch (const std::exception& error) {
            if (tools::interrupted()) throw;
            fmt::print(stderr, "upscale: {}\n", error.what());
            ++failures;
        }
    require(failures == 0,
            fmt::format("{}: {} of {} files failed", options.input.string(), failures, inputs.size()));
    return 0;
}

int upscale(const Options& options) {
    require(fs::exists(options.input), options.input.string() + ": is not there");
    const DeviceChoice device = options.device.choose();
    Upscaler upscaler(load_network(options.weights, device.device), options.tile);
    require(!options.scale || *options.scale == upscaler.scale(),
            fmt::format("{}: trained for scale {}, not {}", options.weights.string(), upscaler.scale(),
                        options.scale.value_or(0)));
    tools::catch_interrupts();
    if (fs::is_directory(options.input)) return upscale_folder(upscaler, options);
    upscale_file(upscaler, options, options.input, options.output);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Super-resolution of MR images with a trained network: a NIfTI volume (slice by slice, geometry, "
        "data type and "
        "intensities kept), a PNG or JPEG picture, or a folder of them.",
        "upscale");
    app.add_option("input", options.input, "image, volume or folder")->required();
    app.add_option("output", options.output, "file, or folder when the input is one")->required();
    app.add_option("--weights", options.weights,
                   "weights.safetensors or checkpoint.safetensors of train_dnsp")
        ->required();
    app.add_option("--scale", options.scale, "refuse weights that were trained for another factor");
    tools::add_axis_option(app, options.axis);
    app.add_option("--volume", options.volume, "which volume of a 4-D file, from 0");
    app.add_option("--tile", options.tile, "compute in tiles of this many pixels: less memory, the same bits")
        ->check(CLI::NonNegativeNumber);
    options.device.add_to(app);
    app.add_flag("--force", options.force, "overwrite existing output");
    return tools::run_tool(app, argc, argv, [&] { return upscale(options); });
}
