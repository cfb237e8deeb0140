// upscale: enlarges a picture, a volume, or a folder of them by a trained network or a classical
// method.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/json.hpp"
#include "imaging/volume_file.hpp"
#include "inference/shipped_weights.hpp"
#include "tools/classical_upscaler.hpp"
#include "tools/files.hpp"
#include "tools/upscale/choice.hpp"
#include "tools/upscale/images.hpp"
#include "tools/upscale/jobs.hpp"
#include "tools/upscale/self.hpp"

namespace {

using namespace dnsp;
using tools::UpscaleDirection;
using tools::UpscaleOptions;
namespace fs = std::filesystem;

/// Checks the options that ask for more than the enlarged image.
void check_additional_output(const UpscaleOptions& options) {
    require(options.spread.empty() || options.inference.ensemble,
            "--spread is the standard deviation of --ensemble, which is not given");
    require(!options.inference.ensemble || options.method.empty(),
            "--ensemble averages results of a network; --method has none");
    require(options.method.empty() || (options.inference.tile == 0 && options.inference.batch == 0),
            "--tile and --batch divide the work of a network; --method has none");
    for (const fs::path& path : {options.consistency, options.spread}) {
        if (path.empty()) continue;
        require(!fs::is_directory(options.input) || imaging::is_dicom(options.input),
                path.string() + ": is one file; the input is a folder");
        require(tools::image_kind(path) == tools::ImageKind::volume,
                path.string() + ": expected the name of a volume");
        tools::require_free(path, options.force);
    }
    if (options.report.empty()) return;
    require(!fs::is_directory(options.input) || imaging::is_dicom(options.input),
            options.report.string() + ": is one file; the input is a folder");
    tools::require_free(options.report, options.force);
}

/// A folder with DICOM files is taken for one series, so other images in it would be passed over.
void require_one_kind(const fs::path& input) {
    if (!fs::is_directory(input) || !imaging::is_dicom(input)) return;
    for (const fs::directory_entry& entry : fs::directory_iterator(input))
        require(entry.path().filename().string().starts_with(".") ||
                    (!imaging::is_volume_path(entry.path()) && !imaging::is_picture_path(entry.path())),
                fmt::format("{}: holds DICOM files and other images, such as {}; put them into two folders",
                            input.string(), entry.path().filename().string()));
}

/// "2/4": the second of four parts.
tools::Shard parse_shard(const std::string& text) {
    static const std::regex form("([0-9]{1,6})/([0-9]{1,6})");
    std::smatch parts;
    require(std::regex_match(text, parts, form),
            "--shard " + text + ": expected PART/PARTS, such as 2/4 for the second of four parts");
    const tools::Shard shard{std::stoi(parts[1]), std::stoi(parts[2])};
    require(
        shard.number >= 1 && shard.number <= shard.count,
        fmt::format("--shard {}: the parts are 1/{} to {}/{}", text, shard.count, shard.count, shard.count));
    return shard;
}

/// Throws Error if any other option or argument was given.
void require_alone(const std::vector<const CLI::App*>& groups, const std::string& flag,
                   const std::vector<std::string>& beside) {
    for (const CLI::App* group : groups)
        for (const CLI::Option* option : group->get_options())
            require(option->count() == 0 || option->check_name(flag) ||
                        std::find(beside.begin(), beside.end(), option->get_name()) != beside.end(),
                    fmt::format("{} needs no other argument, got {}", flag, option->get_name()));
}

/// The weights that come with the program, as a table or as JSON.
int print_weights(bool json) {
    const fs::path folder = shipped_weights_folder();
    const auto all = list_weights(folder);
    if (!json) {
        for (const ShippedWeights& each : all)
            fmt::print("{:<12} {:.1f} MB  {}\n", each.name, 1e-6 * static_cast<double>(each.bytes),
                       purpose(each.degradation));
        if (all.empty()) fmt::print("{}: no weights\n", folder.string());
        return 0;
    }
    auto list = nlohmann::json::array();
    for (const ShippedWeights& each : all)
        list.push_back({{"name", each.name},
                        {"path", each.path.string()},
                        {"purpose", purpose(each.degradation)},
                        {"direction", each.degradation.through_plane ? "through-plane" : "in-plane"},
                        {"scale", each.degradation.scale},
                        {"degradation", imaging::describe(each.degradation)},
                        {"bytes", each.bytes}});
    fmt::print("{}\n", json_text(list, 2));
    return 0;
}

void upscale(const UpscaleOptions& options, Device device) {
    require(fs::exists(options.input), options.input.string() + ": no such file");
    require_one_kind(options.input);
    require(!options.shard || (fs::is_directory(options.input) && !imaging::is_dicom(options.input)),
            options.input.string() + ": is one image; --shard takes a part of a folder");
    tools::require_separate_outputs(options);
    check_additional_output(options);
    if (options.self) return upscale_self(options, device);
    tools::UpscalerChoice choice(options, device);
    tools::catch_interrupts(tools::until_tidy);
    upscale_input(choice, options);
}

}  // namespace

int main(int argc, char** argv) {
    UpscaleOptions options;
    bool list = false, json = false;
    fs::path verified;
    std::string shard;
    CLI::App app(
        fmt::format(
            "Super-resolution of MR images with a trained network or a classical method: a volume or a series of volumes "
            "({}; slice by slice, geometry, data type and intensities kept), a DICOM series, a PNG or JPEG picture, or "
            "a folder of them.",
            imaging::volume_extensions()),
        "upscale");
    app.add_option("input", options.input,
                   "picture, volume, DICOM file or folder of a series, or folder of images");
    app.add_option("output", options.output,
                   "file; a folder if the input is a folder; for DICOM a new folder or a volume");
    auto* how = app.add_option_group("method", "at most one of")->require_option(0, 1);
    how->add_option("--weights", options.weights,
                    "file of train_dnsp, or name of weights that come with the program; default: the "
                    "largest of these for the direction and scale");
    auto* method =
        how->add_option("--method", options.method, "NAME[:option=value,…]; " + classical::method_help());
    auto* self =
        how->add_flag("--self", options.self,
                      "train on the scan itself, whose thick slices become thin: no weights are needed");
    auto* listing =
        how->add_flag("--list-weights", list, "print the weights that come with the program, and stop");
    app.add_flag("--json", json, "--list-weights: as JSON")->needs(listing);
    app.add_option("--save-weights", options.save_weights, "--self: keep the trained weights in this file")
        ->needs(self);
    app.add_option(
           "--direction", options.direction,
           "in-plane: smaller pixels; through-plane: thinner slices; auto: as the weights were trained, and without "
           "--weights through-plane if slices are 1.5 times farther apart than pixels")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, UpscaleDirection>{{"auto", UpscaleDirection::automatic},
                                                    {"in-plane", UpscaleDirection::in_plane},
                                                    {"through-plane", UpscaleDirection::through_plane}}))
        ->type_name("auto|in-plane|through-plane")
        ->default_str("auto");
    app.add_option("--voxel", options.voxel_mm,
                   "through-plane: distance of the new slices in mm [the smaller pixel size]")
        ->check(tools::positive_number());
    app.add_option(
        "--scale", options.scale,
        "in-plane: the factor [2]; a classical method needs it; fail unless the weights were trained for it");
    app.add_option("--preset", options.degradation.preset,
                   fmt::format("degradation that the classical method assumes: {}",
                               fmt::join(imaging::degradation_presets(), ", ")))
        ->capture_default_str()
        ->needs(method);
    app.add_option(
           "--blur-sigma", options.degradation.blur_sigma,
           "Gaussian σ that the classical method assumes, in pixels of the output [that of the preset]; "
           "0: no blur")
        ->needs(method);
    app.add_option("--series", options.series,
                   "number or UID of the series in a folder of several DICOM series");
    app.add_option("--volume", options.volume, "index of one volume in a 4-D file, from 0 [all]");
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
    app.add_option("--report", options.report,
                   "write a page of HTML that shows input, interpolation and result beside each other");
    app.add_flag("--bids", options.bids,
                 "the output is a folder; results get the name of the input with the BIDS entity rec-dnsp");
    app.add_option(
        "--verify", verified,
        "repeat the run that a sidecar (OUT.json) records, and compare the results bitwise; no other "
        "argument is needed");
    tools::add_type_option(app, options.type);
    auto* force = app.add_flag("--force", options.force, "overwrite existing output");
    app.add_flag("--skip-existing", options.skip_existing,
                 "leave out images whose result is there, finished and made from the same input")
        ->excludes(force);
    app.add_option("--shard", shard,
                   "PART/PARTS: of a folder, every PARTS-th image from number PART on, for several processes")
        ->type_name("PART/PARTS");
    app.callback([&] {
        if (list || !verified.empty()) return;
        for (const char* name : {"input", "output"})
            if (app.count(name) == 0) throw CLI::RequiredError(name);
    });
    return tools::run_tool(app, argc, argv, [&] {
        if (list) {
            require_alone({&app, how}, "--list-weights", {"--json"});
            return print_weights(json);
        }
        if (!verified.empty()) {
            require_alone({&app, how}, "--verify", {});
            fmt::print("{}", tools::verify_record(verified));
            return 0;
        }
        parser.apply(options.slice_axis);
        parser.apply(options.self_supervision);
        for (const char* flag : {"--minutes", "--steps", "--thickness", "--profile", "--seed"})
            require(options.self || app.count(flag) == 0, std::string(flag) + " needs --self");
        require(app.count("--minutes") == 0 || app.count("--steps") == 0,
                "--minutes and --steps both set the length of the training; give one of them");
        if (app.count("--blur-sigma") > 0 && options.degradation.blur_sigma == NumberOrRange{})
            options.degradation.blur_sigma = imaging::no_blur_sigma;
        if (!shard.empty()) options.shard = parse_shard(shard);
        options.arguments.assign(argv + 1, argv + argc);
        parser.apply(options.inference);
        parser.apply(options.convolution);
        const Device chosen = tools::choose_device(app, device).device;
        options.device = to_string(chosen);
        upscale(options, chosen);
        return 0;
    });
}
