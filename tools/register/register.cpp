// register: registers a volume or picture onto another one of the same head.
#include <fmt/format.h>

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/warning.hpp"
#include "imaging/normalisation.hpp"
#include "imaging/picture.hpp"
#include "imaging/volume_file.hpp"
#include "tools/command_line.hpp"
#include "tools/figure.hpp"
#include "tools/files.hpp"
#include "tools/register/registration.hpp"

namespace {

using namespace dnsp;
namespace fs = std::filesystem;

struct Options {
    fs::path fixed, moving, output, json, figure;
    tools::RegistrationOptions registration;
    std::optional<int> volume;
    bool force = false;
};

/// Intensities mapped to 0 … 1 by the percentiles of their volume or picture.
imaging::Image shown(imaging::Image image, const imaging::Normalisation& range) {
    imaging::normalise(image.pixels, range);
    return image;
}

/// The fixed image, the registered one and a checkerboard of both, whose edges continue where they agree.
std::vector<tools::Panel> overlay(const imaging::Image& fixed, const imaging::Image& registered,
                                  const std::string& place) {
    const int square = std::max(1, std::max(fixed.height, fixed.width) / 8);
    imaging::Image checkerboard = fixed;
    for (int y = 0; y < fixed.height; ++y)
        for (int x = 0; x < fixed.width; ++x)
            if ((y / square + x / square) % 2 == 1) checkerboard.at(y, x) = registered.at(y, x);
    return {
        {fixed, {"fixed" + place}}, {registered, {"moving, registered"}}, {checkerboard, {"checkerboard"}}};
}

void draw_overlay(const fs::path& png, const imaging::Volume& fixed, const imaging::Volume& registered) {
    const int axis = imaging::default_slice_axis(fixed);
    const auto fixed_range = imaging::percentile_normalisation(fixed.voxels, fixed.path);
    const auto range = imaging::percentile_normalisation(registered.voxels, png.string());
    std::vector<std::vector<tools::Panel>> rows;
    for (const int quarter : {1, 2, 3}) {
        const int slice = imaging::slice_count(fixed, axis) * quarter / 4;
        rows.push_back(overlay(shown(imaging::extract_slice(fixed, axis, slice), fixed_range),
                               shown(imaging::extract_slice(registered, axis, slice), range),
                               fmt::format(", slice {}", slice)));
    }
    tools::draw_panels(png, rows, 1);
}

/// The option --volume is for the moving file.
imaging::Volume read_fixed(const fs::path& path) {
    try {
        return imaging::read_volume(path);
    } catch (const imaging::VolumeNotChosen&) {
        throw Error(path.string() + ": is a 4-D file; the fixed image must be 3-D");
    }
}

tools::Registration register_volume_files(const Options& options) {
    const imaging::Volume fixed = read_fixed(options.fixed);
    const imaging::Volume moving = tools::read_volume(options.moving, options.volume);
    auto result = tools::register_volumes(fixed, moving, options.registration);
    tools::write_volume(options.output, result.volume);
    if (!options.figure.empty()) draw_overlay(options.figure, fixed, result.volume);
    return result.registration;
}

tools::Registration register_picture_files(const Options& options) {
    require(!options.volume, "--volume is for volumes, not for pictures");
    const imaging::Picture fixed = imaging::read_grey_picture(options.fixed);
    const imaging::Picture moving = imaging::read_grey_picture(options.moving);
    auto result = tools::register_pictures(fixed.image, moving.image, options.registration);
    if (!options.figure.empty()) {
        const auto range = [](const imaging::Image& image, const fs::path& path) {
            return imaging::percentile_normalisation(image.pixels, path.string());
        };
        tools::draw_panels(options.figure,
                           {overlay(shown(fixed.image, range(fixed.image, options.fixed)),
                                    shown(result.image, range(result.image, options.output)), "")},
                           1);
    }
    imaging::write_picture(options.output, {std::move(result.image), moving.bits});
    return result.registration;
}

int run(const Options& options) {
    const tools::ImageKind kind = tools::image_kind(options.fixed);
    for (const fs::path& input : {options.fixed, options.moving})
        require(fs::exists(input), input.string() + ": no such file");
    for (const fs::path& path : {options.moving, options.output})
        require(tools::image_kind(path) == kind,
                path.string() +
                    ": expected the kind of the fixed image: a picture for a picture, a volume for a volume");
    const fs::path json = options.json.empty() ? tools::sidecar_path(options.output) : options.json;
    tools::require_outputs(
        {{"the fixed image", options.fixed}, {"the moving image", options.moving}},
        {{"the output", options.output}, {"the record", json}, {"--figure", options.figure}}, options.force);
    const tools::Registration result =
        kind == tools::ImageKind::volume ? register_volume_files(options) : register_picture_files(options);
    nlohmann::json record = tools::to_json(result);
    record["fixed"] = options.fixed.filename().string();
    record["moving"] = options.moving.filename().string();
    record["program"] = "register (DNSP) " DNSP_VERSION;
    write_atomically(json, json_text(record, 2) + "\n");
    for (const std::string& warning : result.warnings) warn(options.moving.string(), warning);
    fmt::print(
        "{}: rotation {:.2f}°, mutual information {:.4f} → {:.4f}, foregrounds overlap {:.3f} (Dice)\n",
        options.output.string(), result.rotation_angle_degrees, result.mutual_information_before,
        result.mutual_information_after, result.foreground_dice);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Registers a volume (rigidly) or a picture onto another one of the same head by mutual information. "
        "Writes the moving image on the grid of the fixed one, and a JSON record with the transform, the metric and "
        "warnings. What the moving image does not show becomes 0.",
        "register");
    app.add_option("fixed", options.fixed, "volume, PNG or JPEG that stays as it is, usually the better one")
        ->required();
    app.add_option("moving", options.moving, "file of the same kind to be registered")->required();
    app.add_option("output", options.output, "the moving image on the fixed grid")->required();
    app.add_option("--json", options.json, "the record; default: the output's name with .json");
    app.add_option("--figure", options.figure,
                   "PNG with both images and a checkerboard of them; of three slices of a volume");
    tools::OptionParser parser(app);
    parser.add(options.registration);
    app.add_option("--volume", options.volume, "index of the volume in a 4-D moving file, from 0");
    app.add_flag("--force", options.force, "overwrite existing output");
    return tools::run_tool(app, argc, argv, [&] {
        parser.apply(options.registration);
        return run(options);
    });
}
