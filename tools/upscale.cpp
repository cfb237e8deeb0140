// upscale: enlarges a picture, a NIfTI volume, or a folder of them by a trained network or a classical
// method.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <future>
#include <optional>
#include <variant>

#include "imaging/nifti.hpp"
#include "imaging/picture.hpp"
#include "inference/upscaler.hpp"
#include "tools/classical_upscaler.hpp"
#include "tools/command_line.hpp"
#include "tools/files.hpp"
#include "tools/progress.hpp"

namespace {

using namespace dnsp;
namespace fs = std::filesystem;

struct Options {
    fs::path input, output, weights;
    std::string method;
    imaging::DegradationSettings degradation;  ///< what the classical method is told
    Conv2dSettings convolution;
    InferenceOptions inference;
    tools::SliceAxis slice_axis;
    std::optional<int> scale, volume;
    bool force = false;
};

struct Job {
    fs::path input, output;
};
using Contents = std::variant<imaging::Picture, imaging::Volume>;

Contents read(const Options& options, const Job& job) {
    require(fs::exists(job.input), job.input.string() + ": no such file");
    const tools::ImageKind kind = tools::image_kind(job.input);
    require(kind == tools::image_kind(job.output),
            job.output.string() +
                ": expected the kind of the input: a picture for a picture, a volume for a volume");
    tools::require_free(job.output, options.force);
    if (kind == tools::ImageKind::picture) return imaging::read_picture(job.input);
    return tools::read_volume(job.input, options.volume);
}

Contents compute(const ImageUpscaler& upscaler, const Options& options, const Job& job, Contents contents) {
    if (auto* picture = std::get_if<imaging::Picture>(&contents)) {
        require(upscaler.accepts_pictures(), job.input.string() +
                                                 ": is a picture, but the network labels tissues and needs a "
                                                 "skull-stripped volume");
        const auto normalisation =
            imaging::percentile_normalisation(picture->image.pixels, job.input.string());
        picture->image = upscaler.upscale(picture->image, normalisation);
        return contents;
    }
    const imaging::Volume& low = std::get<imaging::Volume>(contents);
    const int axis = options.slice_axis.of(low);
    const int slices = imaging::slice_count(low, axis);
    tools::ProgressLine progress;
    return upscaler.upscale(low, axis, [&](int done) {
        progress.show(static_cast<double>(done) / slices,
                      fmt::format("{}: slice {} of {}", job.input.filename().string(), done, slices));
        if (tools::interrupted()) throw Error(job.output.string() + ": interrupted, nothing written");
    });
}

/// Writes the file and returns the line that reports it.
std::string write(const Job& job, const Contents& contents) {
    if (const auto* picture = std::get_if<imaging::Picture>(&contents)) {
        imaging::write_picture(job.output, *picture);
        return fmt::format("{}: {}×{} pixels\n", job.output.string(), picture->image.width,
                           picture->image.height);
    }
    const imaging::Volume& high = std::get<imaging::Volume>(contents);
    imaging::write_nifti(job.output, high);
    return fmt::format("{}: {}×{}×{} voxels of {:.3g}×{:.3g}×{:.3g} mm\n", job.output.string(), high.size[0],
                       high.size[1], high.size[2], high.voxel_size_mm[0], high.voxel_size_mm[1],
                       high.voxel_size_mm[2]);
}

/// While the network computes a file, the next file is read and the previous one is written. `failed` is
/// called in the handler of an exception that a file caused, and may rethrow it.
void upscale_files(const ImageUpscaler& upscaler, const Options& options, const std::vector<Job>& jobs,
                   const std::function<void()>& failed) {
    const auto start_reading = [&](std::size_t i) {
        if (i == jobs.size()) return std::future<Contents>();
        return std::async(std::launch::async, read, std::cref(options), std::cref(jobs[i]));
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
    std::future<Contents> next = start_reading(0);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        std::future<Contents> present = std::move(next);
        present.wait();
        next = start_reading(i + 1);
        attempt([&] {
            Contents result = compute(upscaler, options, jobs[i], present.get());
            attempt(finish_writing);
            writing = std::async(std::launch::async, write, std::cref(jobs[i]), std::move(result));
        });
    }
    attempt(finish_writing);
}

/// Continues after a file that fails; throws Error at the end if any did.
int upscale_folder(const ImageUpscaler& upscaler, const Options& options) {
    std::error_code listing;
    std::vector<Job> jobs;
    for (fs::directory_iterator it(options.input, listing), end; !listing && it != end; it.increment(listing))
        if (imaging::is_nifti_path(it->path()) || imaging::is_picture_path(it->path()))
            jobs.push_back({it->path(), options.output / it->path().filename()});
    require(!listing, options.input.string() + ": cannot be read (" + listing.message() + ")");
    require(!jobs.empty(),
            options.input.string() + ": the folder holds no image (.nii, .nii.gz, .png, .jpg)");
    std::sort(jobs.begin(), jobs.end(), [](const Job& a, const Job& b) { return a.input < b.input; });
    fs::create_directories(options.output);
    std::size_t failures = 0;
    upscale_files(upscaler, options, jobs, [&] {
        if (tools::interrupted()) throw;
        try {
            throw;
        } catch (const std::exception& error) {
            fmt::print(stderr, "upscale: {}\n", error.what());
        }
        ++failures;
    });
    require(failures == 0,
            fmt::format("{}: {} of {} files failed", options.input.string(), failures, jobs.size()));
    return 0;
}

std::unique_ptr<ImageUpscaler> make_upscaler(const Options& options, Device device) {
    if (!options.method.empty()) {
        require(options.scale.has_value(), "--method needs --scale");
        imaging::DegradationSettings degradation = options.degradation;
        degradation.scale = *options.scale;
        return std::make_unique<tools::ClassicalUpscaler>(classical::make_method(options.method),
                                                          degradation.make());
    }
    apply(options.convolution, device);
    auto upscaler = std::make_unique<Upscaler>(load_network(options.weights, device), options.inference);
    require(!options.scale || *options.scale == upscaler->scale(),
            fmt::format("{}: trained for scale {}, not {}", options.weights.string(), upscaler->scale(),
                        options.scale.value_or(0)));
    return upscaler;
}

int upscale(const Options& options, Device device) {
    require(fs::exists(options.input), options.input.string() + ": no such file");
    const std::unique_ptr<ImageUpscaler> upscaler = make_upscaler(options, device);
    tools::catch_interrupts();
    if (fs::is_directory(options.input)) return upscale_folder(*upscaler, options);
    upscale_files(*upscaler, options, {{options.input, options.output}}, [] { throw; });
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Super-resolution of MR images with a trained network or a classical method: a NIfTI volume (slice by slice, geometry, "
        "data type and intensities kept), a PNG or JPEG picture, or a folder of them.",
        "upscale");
    app.add_option("input", options.input, "image, volume or folder")->required();
    app.add_option("output", options.output, "file, or folder if the input is a folder")->required();
    auto* how = app.add_option_group("method")->require_option(1);
    auto* weights = how->add_option("--weights", options.weights,
                                    "weights.safetensors or checkpoint.safetensors of train_dnsp");
    how->add_option("--method", options.method, "NAME[:option=value,…]; " + classical::method_help());
    app.add_option("--scale", options.scale,
                   "the factor of a classical method; fail unless the weights were trained for this factor");
    app.add_option("--preset", options.degradation.preset,
                   fmt::format("degradation that the classical method assumes: {}",
                               fmt::join(imaging::degradation_presets(), ", ")))
        ->capture_default_str()
        ->excludes(weights);
    app.add_option(
           "--blur-sigma", options.degradation.blur_sigma,
           "Gaussian σ that the classical method assumes, in pixels of the output; 0: that of the preset")
        ->excludes(weights);
    app.add_option("--volume", options.volume, "index of the volume in a 4-D file, from 0");
    std::string device = "auto";
    tools::add_device_option(app, device);
    tools::OptionParser parser(app);
    parser.add(options.slice_axis);
    parser.add(options.inference);
    parser.add(options.convolution);
    app.add_flag("--force", options.force, "overwrite existing output");
    return tools::run_tool(app, argc, argv, [&] {
        parser.apply(options.slice_axis);
        parser.apply(options.inference);
        parser.apply(options.convolution);
        return upscale(options, tools::choose_device(app, device).device);
    });
}
