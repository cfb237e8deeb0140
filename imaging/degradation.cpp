#include "imaging/degradation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/options_json.hpp"
#include "imaging/noise.hpp"
#include "imaging/resample.hpp"

namespace dnsp::imaging {
namespace {

using Kernel = Degradation::Kernel;

constexpr const char* low_field_preset = "low-field";

/// Cut-off of the Gaussian in standard deviations. 6e-5 of its mass lies beyond.
constexpr double gaussian_support = 4.0;
/// Of the intensity range. Resampled magnitude images have slightly negative intensities.
constexpr double largest_negative_share = 0.05;

KspaceWindow window_of(WindowSetting setting) {
    switch (setting) {
        case WindowSetting::hamming:
            return KspaceWindow::hamming;
        case WindowSetting::fermi:
            return KspaceWindow::fermi;
        default:
            return KspaceWindow::none;
    }
}

std::string name_of(KspaceWindow window) {
    switch (window) {
        case KspaceWindow::hamming:
            return "hamming";
        case KspaceWindow::fermi:
            return "fermi";
        default:
            return "none";
    }
}

std::string name_of(SliceProfile profile) {
    switch (profile) {
        case SliceProfile::box:
            return "box";
        case SliceProfile::measured:
            return "measured";
        default:
            return "gaussian";
    }
}

std::string name_of(Kernel kernel) {
    switch (kernel) {
        case Kernel::gaussian:
            return "gaussian";
        case Kernel::box:
            return "box";
        case Kernel::bicubic:
            return "bicubic";
        case Kernel::kspace:
            return "kspace";
        default:
            return "identity";
    }
}

Image low_field_version(const Image& image, const Degradation& degradation, double intensity_range) {
    const double smallest = *std::min_element(image.pixels.begin(), image.pixels.end());
    require(smallest >= -largest_negative_share * intensity_range, "low field",
            fmt::format("the image has the negative intensity {}, but the simulation is for magnitude images",
                        smallest));
    return simulate_low_field(image, degradation.low_field->make(),
                              degradation.low_field->noise * intensity_range,
                              {degradation.noise_seed, content_hash(image)});
}

}  // namespace

void validate(const Degradation& degradation) {
    if (degradation.kernel == Kernel::identity)
        require(degradation.scale == 1, "degradation",
                fmt::format("the preset {} keeps the grid, so that scale {} is not possible",
                            degradation.preset, degradation.scale));
    else
        require(degradation.scale >= 2 && degradation.scale <= 4, "degradation",
                fmt::format("scale {} is not 2, 3 or 4", degradation.scale));
    if (degradation.low_field) degradation.low_field->make();
    if (degradation.through_plane) validate(*degradation.through_plane);
    require(degradation.window == KspaceWindow::none || degradation.kernel == Kernel::kspace, "degradation",
            fmt::format("a window is for the preset kspace, not for {}", degradation.preset));
    require(degradation.kernel != Kernel::gaussian ||
                (std::isfinite(degradation.sigma) && degradation.sigma > 0.0),
            "degradation", fmt::format("sigma {} is not a positive number", degradation.sigma));
    for (const auto& [name, value] :
         {std::pair{"noise", degradation.noise}, {"bias field", degradation.bias_field}})
        require(std::isfinite(value) && value >= 0.0, "degradation",
                fmt::format("{} {} is not zero or a positive number", name, value));
}

std::vector<std::string> degradation_presets() {
    return {"gaussian", "gaussian-corner", "box", "bicubic", "kspace"};
}

Degradation make_degradation(const std::string& preset, int scale) {
    Degradation degradation;
    degradation.preset = preset;
    degradation.scale = scale;
    degradation.sigma = 0.0;
    if (preset == "gaussian" || preset == "gaussian-corner" || preset == varied_preset) {
        degradation.kernel = Kernel::gaussian;
        degradation.sigma = 0.5 * scale;
        degradation.phase = preset == "gaussian-corner" ? Phase::corner : Phase::center;
    } else if (preset == "box") {
        degradation.kernel = Kernel::box;
    } else if (preset == "bicubic") {
        degradation.kernel = Kernel::bicubic;
    } else if (preset == "kspace") {
        degradation.kernel = Kernel::kspace;
    } else if (preset == pairs_preset || preset == through_plane_preset) {
        degradation.kernel = Kernel::identity;
    } else if (preset == low_field_preset) {
        degradation.kernel = Kernel::identity;
        degradation.low_field.emplace();
    } else {
        throw FileError(fmt::format("degradation: unknown preset \"{}\"; known are {}, {}, {}", preset,
                                    fmt::join(degradation_presets(), ", "), varied_preset, low_field_preset));
    }
    validate(degradation);
    return degradation;
}

void DegradationSettings::visit(OptionVisitor& v) {
    const DegradationSettings defaults;
    v.option({.key = "direction",
              .flag = "--direction",
              .help = "in-plane: finer pixels in each slice; through-plane: thinner slices, by --thickness, "
                      "--spacing and --profile"},
             direction, {{"in-plane", Direction::in_plane}, {"through-plane", Direction::through_plane}});
    v.option({.key = "preset",
              .flag = "--preset",
              .help = fmt::format(
                  "degradation model: {}, {} (each scan, and in training each slice of each epoch, "
                  "draws gaussian or kspace), {}",
                  fmt::join(degradation_presets(), ", "), varied_preset, low_field_preset)},
             preset);
    v.option({.key = "scale",
              .flag = "--scale",
              .help = "factor between low and high resolution: 2, 3 or 4; low-field: always 1"},
             scale);
    const bool thick = direction == Direction::through_plane;
    if (thick && preset == defaults.preset) preset = through_plane_preset;
    if ((thick || preset == low_field_preset) && scale == defaults.scale) scale = 1;
    v.option({.key = "window",
              .flag = "--window",
              .help = "preset kspace: factor of the k-space samples; any: each draws its own"},
             window,
             {{"none", WindowSetting::none},
              {"hamming", WindowSetting::hamming},
              {"fermi", WindowSetting::fermi},
              {"any", WindowSetting::any}});
    v.option(
        {.key = "blur_sigma",
         .flag = "--blur-sigma",
         .help =
             "Gaussian σ in high-resolution pixels [that of the preset]; 0: no blur; LOW:HIGH: each scan, and "
             "in training each slice of each epoch, draws its own"},
        blur_sigma);
    v.option(
        {.key = "noise",
         .flag = "--noise",
         .help =
             "σ of complex Gaussian noise in the low-resolution image, relative to the range; or LOW:HIGH",
         .range = Range::non_negative},
        noise);
    v.option({.key = "noise_free",
              .flag = "--noise-free",
              .help = "of a range of --noise: share of the images that get no noise, below 1",
              .range = Range::non_negative},
             noise_free);
    v.option({.key = "bias_field",
              .flag = "--bias-field",
              .help = "smooth field between exp(−S) and exp(S) that multiplies the image; or LOW:HIGH",
              .range = Range::non_negative},
             bias_field);
    v.option({.key = "noise_seed", .flag = "--noise-seed", .help = "seed of the noise"}, noise_seed);
    v.nested("low_field", [&] { low_field.visit(v); });
    v.nested("through_plane", [&] { through_plane.visit(v); });
}

Degradation DegradationSettings::make() const {
    const bool thick = direction == Direction::through_plane;
    require(thick == (preset == through_plane_preset), "degradation",
            thick ? fmt::format("the preset {} is in-plane; --direction through-plane takes none", preset)
                  : "the preset through-plane is set by --direction through-plane");
    Degradation degradation = make_degradation(preset, scale);
    const bool varied = preset == varied_preset;
    require(window == WindowSetting::none || preset == "kspace", "degradation",
            fmt::format("a window is for the preset kspace, not for {}", preset));
    degradation.window = window_of(window);
    if (thick) {
        degradation.through_plane = through_plane.make();
    } else if (const auto given = first_difference(to_json(ThroughPlaneSettings{}), to_json(through_plane))) {
        throw FileError(
            fmt::format("degradation: {} = {} needs --direction through-plane", given->key, given->given));
    }
    if (blur_sigma != NumberOrRange{}) {
        require(degradation.kernel == Kernel::gaussian, "degradation",
                "a blur σ needs a preset with a Gaussian kernel, not " + preset);
        require(blur_sigma.low > 0.0, "degradation",
                fmt::format("blur σ {} is not positive", blur_sigma.low));
        degradation.sigma = blur_sigma.middle();
    }
    if (degradation.low_field) {
        require(
            noise == NumberOrRange{} && bias_field == NumberOrRange{}, "degradation",
            fmt::format(
                "the preset {} adds the noise of the lower field, so that other noise is not possible, nor a "
                "bias field",
                preset));
        degradation.low_field = low_field;
    } else if (const auto given = first_difference(to_json(LowFieldSettings{}), to_json(low_field))) {
        throw FileError(fmt::format("degradation: {} = {} is for the preset {}, not for {}", given->key,
                                    given->given, low_field_preset, preset));
    }
    require(noise_free == 0.0 || (noise.is_range() && noise_free < 1.0), "degradation",
            fmt::format("the share {} of images without noise needs a range of noise, and is below 1",
                        noise_free));
    degradation.noise = noise.middle();
    degradation.noise_seed = noise_seed;
    degradation.bias_field = bias_field.middle();
    if (blur_sigma.is_range() || noise.is_range() || bias_field.is_range() ||
        through_plane.thickness.is_range() || through_plane.spacing.is_range() || varied ||
        window == WindowSetting::any)
        degradation.ranges = {blur_sigma,
                              noise,
                              through_plane.thickness,
                              through_plane.spacing,
                              bias_field,
                              through_plane.spacing == NumberOrRange{},
                              varied,
                              varied || window == WindowSetting::any,
                              noise_free};
    validate(degradation);
    return degradation;
}

std::map<std::string, std::string> describe(const Degradation& degradation) {
    std::map<std::string, std::string> description = {
        {"preset", degradation.preset},
        {"kernel", name_of(degradation.kernel)},
        {"sigma", fmt::format("{}", degradation.sigma)},
        {"scale", fmt::format("{}", degradation.scale)},
        {"phase", degradation.phase == Phase::center ? "center" : "corner"}};
    if (degradation.kernel == Kernel::kspace) description["window"] = name_of(degradation.window);
    if (degradation.through_plane) {
        description["thickness_mm"] = fmt::format("{}", degradation.through_plane->thickness);
        description["spacing_mm"] = fmt::format("{}", degradation.through_plane->spacing);
        description["profile"] = name_of(degradation.through_plane->profile);
    }
    if (degradation.bias_field > 0.0) description["bias_field"] = fmt::format("{}", degradation.bias_field);
    if (degradation.noise > 0.0) {
        description["noise"] = fmt::format("{}", degradation.noise);
        description["noise_seed"] = fmt::format("{}", degradation.noise_seed);
    }
    if (degradation.low_field) {
        for (const auto& [key, value] : describe(*degradation.low_field)) description[key] = value;
        description["noise_seed"] = fmt::format("{}", degradation.noise_seed);
    }
    if (degradation.ranges) {
        const auto add = [&](const char* key, const NumberOrRange& value) {
            if (value.is_range()) description[key] = to_string(value);
        };
        add("sigma", degradation.ranges->sigma);
        if (degradation.ranges->kernel) description["kernel"] = "gaussian or kspace";
        if (degradation.ranges->window) description["window"] = "any";
        add("noise", degradation.ranges->noise);
        if (degradation.ranges->noise_free > 0.0)
            description["noise_free"] = fmt::format("{}", degradation.ranges->noise_free);
        add("bias_field", degradation.ranges->bias_field);
        add("thickness_mm", degradation.ranges->thickness);
        add("spacing_mm", degradation.ranges->spacing_is_thickness ? degradation.ranges->thickness
                                                                   : degradation.ranges->spacing);
    }
    return description;
}

AxisResampler degradation_resampler(int size, const Degradation& degradation) {
    validate(degradation);
    require(!degradation.through_plane, "degradation", "thick slices lie along one axis only");
    const int scale = degradation.scale;
    if (degradation.kernel == Kernel::kspace)
        return kspace_cropper(size, scale, degradation.phase, degradation.window);
    if (degradation.kernel == Kernel::bicubic) return bicubic_shrinker(size, scale, degradation.phase);
    const double shift = degradation.phase == Phase::center ? 0.5 * (scale - 1) : 0.0;
    const auto position = [=](int k) { return scale * k + shift; };
    if (degradation.kernel == Kernel::box || degradation.kernel == Kernel::identity) {
        return make_resampler(
            size, size / scale, position, [](double) { return 1.0; }, 0.5 * scale);
    }
    const double sigma = degradation.sigma;
    return make_resampler(
        size, size / scale, position, [=](double d) { return std::exp(-0.5 * d * d / (sigma * sigma)); },
        gaussian_support * sigma);
}

Image crop_to_covered(const Image& image, const Degradation& degradation, double row_mm) {
    if (!degradation.through_plane) return crop_to_multiple(image, degradation.scale);
    const int slices = thick_slice_count(image.height, row_mm, *degradation.through_plane);
    const int rows = thin_slice_count(slices, row_mm, degradation.through_plane->spacing);
    return crop(image, 0, 0, std::min(rows, image.height), image.width);
}

Image degrade(const Image& image, const Degradation& degradation, double intensity_range, double row_mm) {
    validate(degradation);
    const int scale = degradation.scale;
    require(image.height > 0 && image.width > 0 && image.height % scale == 0 && image.width % scale == 0,
            "image",
            fmt::format("{}×{} is not a multiple of the scale {}", image.height, image.width, scale));
    if (degradation.low_field) return low_field_version(image, degradation, intensity_range);
    Image low = degradation.through_plane
                    ? resample(image, thick_slices(image.height, row_mm, *degradation.through_plane),
                               identity_resampler(image.width))
                    : resample(image, degradation_resampler(image.height, degradation),
                               degradation_resampler(image.width, degradation));
    if (degradation.kernel == Kernel::kspace)
        for (float& x : low.pixels) x = std::abs(x);
    if (degradation.noise > 0.0)
        add_rician_noise(low, degradation.noise * intensity_range, degradation.noise_seed,
                         content_hash(image));
    return low;
}

Image enlarge(const Image& low, const Degradation& degradation, double row_mm) {
    if (!degradation.through_plane) return enlarge_bicubic(low, degradation.scale, degradation.phase);
    return resample(low, thin_slices(low.height, row_mm, degradation.through_plane->spacing),
                    identity_resampler(low.width));
}

}  // namespace dnsp::imaging
