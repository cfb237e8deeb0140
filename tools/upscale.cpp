// upscale: enlarges a picture, a NIfTI volume, or a folder of them by a trained network or a classical
// method.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <variant>

#include "base/atomic_file.hpp"
#include "imaging/nifti.hpp"
#include "imaging/picture.hpp"
#include "inference/through_plane_upscaler.hpp"
#include "inference/upscaler.hpp"
#include "tools/classical_upscaler.hpp"
#include "tools/command_line.hpp"
#include "tools/consistency.hpp"
#include "tools/files.hpp"
#include "tools/progress.hpp"
#include "training/self_supervision.hpp"

namespace {

using namespace dnsp;
namespace fs = std::filesystem;

/// Which voxels become smaller.
enum class Direction { automatic, in_plane, through_plane };

struct Options {
    fs::path input, output, weights;
    std::string method;
    Direction direction = Direction::automatic;
    double voxel_mm = 0.0;  ///< through-plane: distance of the new slices; 0: the pixel size
    imaging::DegradationSettings degradation;  ///< what the classical method is told
    Conv2dSettings convolution;
    InferenceOptions inference;
    tools::SliceAxis slice_axis;
    std::optional<int> scale, volume;
    bool self = false;  ///< train on the scan itself
    SelfSupervision self_supervision;
    fs::path save_weights;
    bool consistent = false;  ///< correct the result until it agrees with the input
    fs::path consistency, spread;
    std::string command;
    bool force = false;
};

/// Slices are thick if they are that much farther apart than pixels.
constexpr double thick_slice_ratio = 1.5;
/// Relative deviation of the spacing from that of training from which on the user is warned.
constexpr double spacing_tolerance = 0.1;

struct Job {
    fs::path input, output;
};
using Contents = std::variant<imaging::Picture, imaging::Volume>;

/// What is written for a job.
struct Result {
    Contents image;
    std::optional<imaging::Volume> consistency, spread;
    std::string report;  ///< printed before the line of the image
};

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

/// Prints in which direction a volume is enlarged, and why, if its slices are thick.
void explain_direction(const ImageUpscaler& upscaler, const imaging::Volume& low, int axis) {
    const double spacing = low.voxel_size_mm[static_cast<std::size_t>(axis)];
    const double row = low.voxel_size_mm[static_cast<std::size_t>(imaging::row_axis(axis))];
    const double column = low.voxel_size_mm[static_cast<std::size_t>(imaging::column_axis(axis))];
    const auto* through_plane = dynamic_cast<const ThroughPlaneUpscaler*>(&upscaler);
    if (through_plane == nullptr && spacing < thick_slice_ratio * std::min(row, column)) return;
    const std::string sizes =
        fmt::format("slices are {:.3g} mm apart, pixels {:.3g}×{:.3g} mm", spacing, column, row);
    if (through_plane == nullptr) {
        fmt::print(
            "{}: in-plane; {}. The slices stay that far apart; --self, or weights trained with --direction "
            "through-plane, make thin ones\n",
            low.path, sizes);
        return;
    }
    fmt::print("{}: through-plane; {}; new slices {:.3g} mm apart\n", low.path, sizes,
               through_plane->spacing_mm(low, axis));
    const auto trained = through_plane->trained_spacing_mm();
    if (trained && (spacing < trained->low * (1.0 - spacing_tolerance) ||
                    spacing > trained->high * (1.0 + spacing_tolerance)))
        fmt::print(
            stderr,
            "upscale: {}: warning: the weights were trained for slices {} mm apart, these are {:.3g} mm "
            "apart\n",
            low.path,
            trained->is_range() ? fmt::format("{:.3g} to {:.3g}", trained->low, trained->high)
                                : fmt::format("{:.3g}", trained->low),
            spacing);
}

Result compute_picture(const ImageUpscaler& upscaler, const Options& options, const Job& job,
                       imaging::Picture picture) {
    require(upscaler.accepts_pictures(), job.input.string() +
                                             ": is a picture, but the network labels tissues and needs a "
                                             "skull-stripped volume, or makes thin slices of thick ones");
    require(options.consistency.empty() && options.spread.empty(),
            job.input.string() + ": is a picture; --consistency and --spread write volumes");
    const auto normalisation = imaging::percentile_normalisation(picture.image.pixels, job.input.string());
    const imaging::Image low = picture.image;
    picture.image = upscaler.upscale(low, normalisation);
    Result result;
    if (options.consistent)
        result.report =
            tools::check_consistency(upscaler, low, normalisation, true, job.output, picture.image).report;
    result.image = std::move(picture);
    return result;
}

Result compute(const ImageUpscaler& upscaler, const Options& options, const Job& job, Contents contents) {
    if (auto* picture = std::get_if<imaging::Picture>(&contents))
        return compute_picture(upscaler, options, job, std::move(*picture));
    const imaging::Volume& low = std::get<imaging::Volume>(contents);
    const int axis = options.slice_axis.of(low);
    explain_direction(upscaler, low, axis);
    if (const auto differences = upscaler.unlike_training(low, axis); !differences.empty())
        fmt::print(stderr, "upscale: {}: warning: unlike the scans of the training: {}\n", low.path,
                   fmt::join(differences, "; "));
    const int slices = upscaler.slices(low, axis);
    tools::ProgressLine progress;
    imaging::Volume spread;
    Result result;
    result.image = upscaler.upscale(
        low, axis,
        [&](int done) {
            progress.show(static_cast<double>(done) / slices,
                          fmt::format("{}: slice {} of {}", job.input.filename().string(), done, slices));
            if (tools::interrupted()) throw Error(job.output.string() + ": interrupted, nothing written");
        },
        options.spread.empty() ? nullptr : &spread);
    progress.clear();
    if (options.consistent || !options.consistency.empty()) {
        auto found = tools::check_consistency(upscaler, low, axis, options.consistent, job.output,
                                              std::get<imaging::Volume>(result.image));
        result.report = found.report;
        if (!options.consistency.empty()) result.consistency = std::move(found.difference);
    }
    if (!options.spread.empty()) result.spread = tools::as_float(spread);
    return result;
}

/// Writes the files and returns the lines that report them.
std::string write(const Options& options, const Job& job, const Result& result) {
    if (result.consistency) imaging::write_nifti(options.consistency, *result.consistency);
    if (result.spread) imaging::write_nifti(options.spread, *result.spread);
    if (const auto* picture = std::get_if<imaging::Picture>(&result.image)) {
        imaging::write_picture(job.output, *picture);
        return result.report + fmt::format("{}: {}×{} pixels\n", job.output.string(), picture->image.width,
                                           picture->image.height);
    }
    const auto& high = std::get<imaging::Volume>(result.image);
    imaging::write_nifti(job.output, high);
    return result.report + fmt::format("{}: {}×{}×{} voxels of {:.3g}×{:.3g}×{:.3g} mm\n",
                                       job.output.string(), high.size[0], high.size[1], high.size[2],
                                       high.voxel_size_mm[0], high.voxel_size_mm[1], high.voxel_size_mm[2]);
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
            Result result = compute(upscaler, options, jobs[i], present.get());
            attempt(finish_writing);
            writing = std::async(std::launch::async, write, std::cref(options), std::cref(jobs[i]),
                                 std::move(result));
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

std::unique_ptr<ImageUpscaler> make_method_upscaler(const Options& options) {
    if (options.direction == Direction::through_plane) {
        require(options.method == "bicubic",
                options.method + ": does not make thin slices; --method bicubic interpolates between them");
        require(!options.scale, "--scale enlarges pixels; --voxel is for --direction through-plane");
        return std::make_unique<ThroughPlaneUpscaler>(std::nullopt, options.voxel_mm);
    }
    require(options.scale.has_value(), "--method needs --scale");
    require(options.voxel_mm == 0.0, "--voxel needs --direction through-plane");
    imaging::DegradationSettings degradation = options.degradation;
    degradation.scale = *options.scale;
    require(!degradation.blur_sigma.is_range(), "--blur-sigma: the classical method assumes one number");
    return std::make_unique<tools::ClassicalUpscaler>(classical::make_method(options.method),
                                                      degradation.make());
}

std::unique_ptr<ImageUpscaler> make_upscaler(const Options& options, Device device) {
    if (!options.method.empty()) return make_method_upscaler(options);
    apply(options.convolution, device);
    auto upscaler = std::make_unique<Upscaler>(load_network(options.weights, device), options.inference);
    const bool thick = upscaler->degradation().through_plane.has_value();
    require(
        options.direction == Direction::automatic || (options.direction == Direction::through_plane) == thick,
        fmt::format("{}: was trained {}, not for the given --direction", options.weights.string(),
                    thick ? "through-plane" : "in-plane"));
    require(
        thick || options.voxel_mm == 0.0,
        fmt::format("--voxel: {} was trained in-plane, where the scale decides", options.weights.string()));
    require(!options.scale || (!thick && *options.scale == upscaler->scale()),
            thick ? fmt::format("--scale: {} makes thin slices; --voxel is their distance",
                                options.weights.string())
                  : fmt::format("{}: trained for scale {}, not {}", options.weights.string(),
                                upscaler->scale(), options.scale.value_or(0)));
    if (thick) return std::make_unique<ThroughPlaneUpscaler>(std::move(*upscaler), options.voxel_mm);
    return upscaler;
}

/// A folder for the files of a run; the destructor removes it.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (fs::temp_directory_path() / "dnsp-XXXXXX").string();
        require(mkdtemp(name.data()) != nullptr, name + ": cannot be created");
        path_ = name;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

/// Trains a network on the scan and applies it to it.
int upscale_self(const Options& options, Device device) {
    require(!fs::is_directory(options.input),
            options.input.string() + ": is a folder; --self trains on one scan at a time");
    require(options.direction != Direction::in_plane,
            "--self learns from pixels within slices, for --direction through-plane");
    require(!options.scale, "--scale enlarges pixels; --self makes thin slices, --voxel mm apart");
    const Job job{options.input, options.output};
    if (!options.save_weights.empty()) tools::require_free(options.save_weights, options.force);
    Contents contents = read(options, job);
    require(std::holds_alternative<imaging::Volume>(contents),
            options.input.string() + ": is a picture; --self needs a volume with thick slices");
    const auto& scan = std::get<imaging::Volume>(contents);
    apply(options.convolution, device);
    tools::catch_interrupts();
    const TrainingSettings settings =
        self_supervised_settings(scan, options.slice_axis.of(scan), options.self_supervision);
    ThroughPlaneUpscaler(std::nullopt, options.voxel_mm).require_finer(scan, options.slice_axis.of(scan));
    const TemporaryFolder folder;
    tools::ProgressLine progress;
    const fs::path weights = train_on_scan(
        scan, settings, options.self_supervision.minutes, device, folder.path(), options.command,
        [&](const SelfSupervisionProgress& p) {
            progress.show(static_cast<double>(p.step) / static_cast<double>(p.total_steps),
                          fmt::format("training on the scan, step {} of {}, {} left, loss {:.1e}", p.step,
                                      p.total_steps, tools::duration_text(p.seconds_left), p.loss));
        },
        tools::interrupted);
    progress.clear();
    if (!options.save_weights.empty()) {
        AtomicFile file(options.save_weights);
        fs::copy_file(weights, file.temporary_path(), fs::copy_options::overwrite_existing);
        file.commit();
    }
    const ThroughPlaneUpscaler upscaler(Upscaler(load_network(weights, device), options.inference),
                                        options.voxel_mm);
    const Result result = compute(upscaler, options, job, std::move(contents));
    fmt::print("{}", write(options, job, result));
    return 0;
}

/// Checks the options that ask for more than the enlarged image.
void check_additional_output(const Options& options) {
    require(options.spread.empty() || options.inference.ensemble,
            "--spread is the standard deviation of --ensemble, which is not given");
    require(!options.inference.ensemble || options.method.empty(),
            "--ensemble averages results of a network; --method has none");
    for (const fs::path& path : {options.consistency, options.spread}) {
        if (path.empty()) continue;
        require(!fs::is_directory(options.input), path.string() + ": is one file; the input is a folder");
        require(tools::image_kind(path) == tools::ImageKind::volume,
                path.string() + ": expected a NIfTI file");
        tools::require_free(path, options.force);
    }
}

int upscale(const Options& options, Device device) {
    require(fs::exists(options.input), options.input.string() + ": no such file");
    check_additional_output(options);
    if (options.self) return upscale_self(options, device);
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
    auto* self =
        how->add_flag("--self", options.self,
                      "train on the scan itself, whose thick slices become thin: no weights are needed");
    app.add_option("--save-weights", options.save_weights, "--self: keep the trained weights in this file")
        ->needs(self);
    app.add_option(
           "--direction", options.direction,
           "in-plane: smaller pixels; through-plane: thinner slices; auto: as the weights were trained")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, Direction>{{"auto", Direction::automatic},
                                             {"in-plane", Direction::in_plane},
                                             {"through-plane", Direction::through_plane}}))
        ->type_name("auto|in-plane|through-plane")
        ->default_str("auto");
    app.add_option("--voxel", options.voxel_mm,
                   "through-plane: distance of the new slices in mm [the smaller pixel size]")
        ->check(CLI::PositiveNumber);
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
    parser.add(options.self_supervision);
    parser.add(options.inference);
    parser.add(options.convolution);
    app.add_flag("--ensemble", options.inference.ensemble,
                 "average the results for mirrored and transposed slices: eight, through-plane four in each "
                 "direction");
    app.add_option("--spread", options.spread, "write the standard deviation of the ensemble's results");
    app.add_flag(
        "--consistent", options.consistent,
        "correct the result so that, acquired again, it is the input (within the noise of the weights)");
    app.add_option("--consistency", options.consistency,
                   "write the absolute difference between the result, acquired again, and the input");
    app.add_flag("--force", options.force, "overwrite existing output");
    return tools::run_tool(app, argc, argv, [&] {
        parser.apply(options.slice_axis);
        parser.apply(options.self_supervision);
        for (const char* flag : {"--minutes", "--steps", "--thickness", "--profile", "--seed"})
            require(options.self || app.count(flag) == 0, std::string(flag) + " needs --self");
        require(app.count("--minutes") == 0 || app.count("--steps") == 0,
                "--minutes and --steps both set the length of the training; give one of them");
        options.command = tools::command_text(argc, argv);
        parser.apply(options.inference);
        parser.apply(options.convolution);
        return upscale(options, tools::choose_device(app, device).device);
    });
}
