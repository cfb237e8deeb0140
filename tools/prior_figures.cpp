// prior_figures: draws what the priors measure on a slice (paper Figs. 2, 3, 5 and 8).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/atomic_file.hpp"
#include "base/json.hpp"
#include "engine/safetensors.hpp"
#include "imaging/nifti.hpp"
#include "imaging/normalisation.hpp"
#include "imaging/patches.hpp"
#include "imaging/picture.hpp"
#include "priors/filter_bank.hpp"
#include "tools/command_line.hpp"
#include "tools/files.hpp"
#include "tools/prior_measures.hpp"
#include "training/subject.hpp"

namespace {

using namespace dnsp;
using nlohmann::json;
using tools::Panel;
namespace fs = std::filesystem;

struct Options {
    fs::path input, checkpoint, json, figure, chart;
    tools::SliceAxis slice_axis;
    std::optional<int> slice, volume;
    std::vector<float> range;
    std::vector<int> ranks;
    double delta = 0.01;
    bool crop = false, force = false;
};

/// The chosen slice (default: the middle one) in normalised intensities, with rows from top to bottom.
imaging::Image read_slice(const Options& options) {
    imaging::Image image;
    imaging::Normalisation range;
    if (tools::image_kind(options.input) == tools::ImageKind::picture) {
        require(!options.slice, options.input.string() + ": --slice is for volumes");
        image = imaging::read_grey_picture(options.input).image;
        range = imaging::percentile_normalisation(image.pixels, options.input.string());
    } else {
        const imaging::Volume volume = tools::read_volume(options.input, options.volume);
        const int axis = options.slice_axis.of(volume), count = imaging::slice_count(volume, axis);
        const int index = options.slice.value_or(count / 2);
        require(index >= 0 && index < count,
                fmt::format("{}: there is no slice {}; it has {}", options.input.string(), index, count));
        image = imaging::apply_symmetry(imaging::extract_slice(volume, axis, index), 2);
        range = imaging::percentile_normalisation(volume.voxels, options.input.string());
    }
    if (!options.range.empty()) {
        range = {options.range[0], options.range[1]};
        require(range.low < range.high, "--range: the first number must be less than the second");
    }
    imaging::normalise(image.pixels, range);
    return options.crop ? tools::cropped_to_foreground(image, foreground_level) : image;
}

json rank(const Options& options) {
    const imaging::Image image = read_slice(options);
    const tools::RankSpectrum spectrum = tools::rank_spectrum(image, options.delta);
    const int full = static_cast<int>(spectrum.singular_values.size());
    std::vector<int> ranks = options.ranks;
    if (ranks.empty()) ranks = {full / 8, full / 4, full / 2, full};
    if (!options.figure.empty()) {
        std::vector<Panel> panels;
        for (const int k : ranks) {
            require(k >= 1 && k <= full, fmt::format("--ranks: {} is not in 1 … {}", k, full));
            const double psnr = spectrum.psnr_db[static_cast<std::size_t>(k) - 1];
            panels.push_back({.image = tools::approximation_of_rank(image, k),
                              .lines = {fmt::format("rank {}", k),
                                        psnr > 120 ? "exact" : fmt::format("{:.2f} dB", psnr)}});
        }
        tools::draw_panels(options.figure, {panels}, 2);
    }
    if (!options.chart.empty()) {
        tools::Curve psnr{"best approximation", {}, {}}, sigma{"singular values", {}, {}};
        for (int k = 1; k <= full; ++k) {
            const auto i = static_cast<std::size_t>(k) - 1;
            if (spectrum.psnr_db[i] < 120) {
                psnr.x.push_back(k);
                psnr.y.push_back(spectrum.psnr_db[i]);
            }
            sigma.x.push_back(k);
            sigma.y.push_back(spectrum.singular_values[i] / spectrum.singular_values[0]);
        }
        tools::draw_charts(options.chart, {{"PSNR of the approximation", "rank k", "PSNR, dB", false, {psnr}},
                                           {"Singular values", "k", "σ_k / σ_1", true, {sigma}}});
    }
    json psnr = json::array();
    for (const double value : spectrum.psnr_db) psnr.push_back(std::isfinite(value) ? json(value) : json());
    return {{"height", image.height}, {"width", image.width},   {"singular_values", spectrum.singular_values},
            {"psnr_db", psnr},        {"delta", options.delta}, {"surrogate", spectrum.surrogate}};
}

json blur(const Options& options) {
    const imaging::Image image = read_slice(options);
    std::vector<double> sigmas, variances;
    for (int quarter = 0; quarter <= 20; ++quarter) {
        const double sigma = 0.25 * quarter;
        sigmas.push_back(sigma);
        variances.push_back(tools::laplacian_variance(tools::gaussian_blurred(image, sigma)));
    }
    if (!options.chart.empty())
        tools::draw_charts(options.chart, {{"Variance of the Laplacian against blur",
                                            "standard deviation of the blur, pixels",
                                            "V",
                                            true,
                                            {{"V(G ∗ Y)", sigmas, variances}}}});
    if (!options.figure.empty()) {
        std::vector<Panel> panels;
        for (const double sigma : {0.0, 1.0, 2.0, 4.0})
            panels.push_back(
                {.image = tools::gaussian_blurred(image, sigma),
                 .lines = {fmt::format("blur {} pixels", sigma),
                           fmt::format("V = {:.3e}", variances[static_cast<std::size_t>(4 * sigma)])}});
        tools::draw_panels(options.figure, {panels}, 2);
    }
    return {{"sigma_pixels", sigmas}, {"variance", variances}};
}

json patches(const Options& options) {
    require(tools::image_kind(options.input) == tools::ImageKind::volume,
            options.input.string() + ": the patches come from several slices of a volume");
    const Subject subject = make_subject(tools::read_volume(options.input, options.volume),
                                         imaging::make_degradation("gaussian", 2), options.slice_axis.axis);
    constexpr int patch = 40, stride = 4, pairs = 3;
    constexpr double min_foreground = 0.9;
    std::vector<Panel> sharp, smooth;
    json out = json::array();
    for (int i = 0; i < pairs; ++i) {
        const SlicePair& pair = subject.slices[subject.slices.size() * (2 * i + 1) / (2 * pairs)];
        imaging::Image slice = pair.target;
        imaging::normalise(slice.pixels, subject.reference_range);
        const auto found =
            imaging::select_sharp_and_smooth(slice, patch, stride, foreground_level, min_foreground);
        if (!found) continue;
        const auto panel = [&](const imaging::Image& image, double response) {
            return Panel{
                .image = imaging::apply_symmetry(image, 2),
                .lines = {fmt::format("slice {}", pair.index), fmt::format("‖L/4 ⋆ Y‖² = {:.3f}", response)}};
        };
        sharp.push_back(panel(found->sharp, found->sharp_response));
        smooth.push_back(panel(found->smooth, found->smooth_response));
        out.push_back(
            {{"slice", pair.index}, {"sharp", found->sharp_response}, {"smooth", found->smooth_response}});
    }
    require(!sharp.empty(), options.input.string() + ": no slice has patches with enough foreground");
    if (!options.figure.empty()) tools::draw_panels(options.figure, {sharp, smooth}, 5);
    return {{"patch", patch}, {"pairs", out}};
}

json filters(const Options& options) {
    const imaging::Image image = read_slice(options);
    const TensorFile file = read_safetensors(options.checkpoint);
    const auto found = file.tensors.find("filters");
    require(
        found != file.tensors.end(),
        options.checkpoint.string() + ": has no learned filters; a checkpoint of a run with LS or AP has");
    const Shape& shape = found->second.shape();
    require(shape.rank() == 3 && shape[1] == 3 && shape[2] == 3,
            options.checkpoint.string() + ": its filters are not of 3×3 taps");
    std::vector<float> taps;
    dispatch(found->second.dtype(), [&]<class T>() {
        for (const T tap : found->second.to_vector<T>()) taps.push_back(static_cast<float>(tap));
    });
    std::vector<tools::FilterResponse> responses{tools::filter_response(image, "L/4", laplacian(0.25))};
    for (std::size_t l = 0; l * 9 < taps.size(); ++l)
        responses.push_back(tools::filter_response(image, fmt::format("W{}", l + 1),
                                                   {taps.begin() + static_cast<std::ptrdiff_t>(9 * l),
                                                    taps.begin() + static_cast<std::ptrdiff_t>(9 * l + 9)}));
    float brightest = 0.0f, strongest = 0.0f;
    json out = json::array();
    for (const auto& r : responses) {
        brightest =
            std::max(brightest, *std::max_element(r.deviation.pixels.begin(), r.deviation.pixels.end()));
        strongest =
            std::max(strongest, *std::max_element(r.spectrum.pixels.begin(), r.spectrum.pixels.end()));
        out.push_back({{"name", r.name}, {"taps", r.taps}, {"norm", r.norm}, {"sum", r.sum}});
    }
    if (!options.figure.empty()) {
        std::vector<Panel> images, spectra;
        for (const auto& r : responses) {
            images.push_back({.image = r.deviation,
                              .lines = {r.name, fmt::format("norm {:.3f}, sum {:+.3f}", r.norm, r.sum)},
                              .high = 0.3f * brightest});
            spectra.push_back({.image = r.spectrum, .lines = {"|Ŵ| " + r.name}, .high = strongest});
        }
        tools::draw_panels(options.figure, {images, spectra}, 1);
    }
    return {{"filters", out}};
}

using Figure = json (*)(const Options&);

int run(Figure figure, const Options& options) {
    tools::require_outputs(
        {{"the input", options.input}},
        {{"--json", options.json}, {"--figure", options.figure}, {"--chart", options.chart}}, options.force);
    require(fs::exists(options.input), options.input.string() + ": no such file");
    const json result = figure(options);
    if (options.json.empty())
        fmt::print("{}\n", json_text(result, 2));
    else
        write_atomically(options.json, json_text(result, 2) + "\n");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Draws what the priors measure on a slice, and prints it as JSON.", "prior_figures");
    app.require_subcommand(1);
    Figure figure = nullptr;
    tools::OptionParser* parser = nullptr;
    std::vector<std::unique_ptr<tools::OptionParser>> parsers;
    const auto add = [&](const char* name, const char* help, Figure function) {
        CLI::App* part = app.add_subcommand(name, help);
        part->add_option("input", options.input, "volume, PNG or JPEG")->required();
        parsers.push_back(std::make_unique<tools::OptionParser>(*part));
        tools::OptionParser* own = parsers.back().get();
        own->add(options.slice_axis);
        part->add_option("--slice", options.slice, "index along the slice axis; default: the middle");
        part->add_option("--volume", options.volume, "index of the volume in a 4-D file, from 0");
        part->add_option("--range", options.range,
                         "intensities that become 0 and 1; default: percentiles .1 and 99.9 of the volume")
            ->expected(2);
        part->add_flag("--crop", options.crop, "crop the slice to the rectangle of the head");
        part->add_option("--json", options.json, "write the numbers to a file");
        part->add_option("--figure", options.figure, "draw images as PNG");
        part->add_flag("--force", options.force, "overwrite existing output");
        part->callback([&figure, &parser, function, own] {
            figure = function;
            parser = own;
        });
        return part;
    };
    const auto add_chart = [&](CLI::App* part) {
        part->add_option("--chart", options.chart, "draw curves as PNG");
    };
    CLI::App* part =
        add("rank", "singular values, and PSNR of the best approximation of each rank (Fig. 2)", rank);
    part->add_option("--ranks", options.ranks, "ranks of the drawn images");
    part->add_option("--delta", options.delta, "δ of the surrogate of rank")->capture_default_str();
    add_chart(part);
    add_chart(add("blur", "variance of the Laplacian against blur (Fig. 3)", blur));
    add("patches", "the sharpest and the smoothest patches of three slices (Fig. 5)", patches);
    part = add("filters", "responses and frequency responses of learned filters (Fig. 8)", filters);
    part->add_option("--checkpoint", options.checkpoint, "checkpoint.safetensors of a run with LS or AP")
        ->required();
    return tools::run_tool(app, argc, argv, [&] {
        parser->apply(options.slice_axis);
        return run(figure, options);
    });
}
