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

std::string name_of(Kernel kernel) {
    switch (kernel) {
        case Kernel::gaussian:
            return "gaussian";
        case Kernel::box:
            return "box";
        case Kernel::bicubic:
            return "bicubic";
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
    require(degradation.kernel != Kernel::gaussian ||
                (std::isfinite(degradation.sigma) && degradation.sigma > 0.0),
            "degradation", fmt::format("sigma {} is not a positive number", degradation.sigma));
    require(std::isfinite(degradation.noise) && degradation.noise >= 0.0, "degradation",
            fmt::format("noise {} is not zero or a positive number", degradation.noise));
}

std::vector<std::string> degradation_presets() { return {"gaussian", "gaussian-corner", "box", "bicubic"}; }

Degradation make_degradation(const std::string& preset, int scale) {
    Degradation degradation;
    degradation.preset = preset;
    degradation.scale = scale;
    degradation.sigma = 0.0;
    if (preset == "gaussian" || preset == "gaussian-corner") {
        degradation.kernel = Kernel::gaussian;
        degradation.sigma = 0.5 * scale;
        degradation.phase = preset == "gaussian" ? Phase::center : Phase::corner;
    } else if (preset == "box") {
        degradation.kernel = Kernel::box;
    } else if (preset == "bicubic") {
        degradation.kernel = Kernel::bicubic;
    } else if (preset == pairs_preset) {
        degradation.kernel = Kernel::identity;
    } else if (preset == low_field_preset) {
        degradation.kernel = Kernel::identity;
        degradation.low_field.emplace();
    } else {
        throw FileError(fmt::format("degradation: unknown preset \"{}\"; known are {}, {}", preset,
                                    fmt::join(degradation_presets(), ", "), low_field_preset));
    }
    validate(degradation);
    return degradation;
}

void DegradationSettings::visit(OptionVisitor& v) {
    v.option({.key = "preset",
              .flag = "--preset",
              .help = fmt::format("degradation model: {}, {}", fmt::join(degradation_presets(), ", "),
                                  low_field_preset)},
             preset);
    v.option({.key = "scale",
              .flag = "--scale",
              .help = "factor between low and high resolution: 2, 3 or 4; low-field: always 1"},
             scale);
    if (preset == low_field_preset && scale == DegradationSettings{}.scale) scale = 1;
    v.option({.key = "blur_sigma",
              .flag = "--blur-sigma",
              .help = "Gaussian σ in high-resolution pixels; 0: the σ of the preset"},
             blur_sigma);
    v.option({.key = "noise",
              .flag = "--noise",
              .help = "σ of complex Gaussian noise in the low-resolution image, relative to the range",
              .range = Range::non_negative},
             noise);
    v.option({.key = "noise_seed", .flag = "--noise-seed", .help = "seed of the noise"}, noise_seed);
    v.nested("low_field", [&] { low_field.visit(v); });
}

Degradation DegradationSettings::make() const {
    Degradation degradation = make_degradation(preset, scale);
    if (blur_sigma > 0) {
        require(degradation.kernel == Kernel::gaussian, "degradation",
                "a blur σ needs a preset with a Gaussian kernel, not " + preset);
        degradation.sigma = blur_sigma;
    }
    if (degradation.low_field) {
        require(noise == 0.0, "degradation",
                fmt::format(
                    "the preset {} adds the noise of the lower field, so that other noise is not possible",
                    preset));
        degradation.low_field = low_field;
    } else if (const auto given = first_difference(to_json(LowFieldSettings{}), to_json(low_field))) {
        throw FileError(fmt::format("degradation: {} = {} is for the preset {}, not for {}", given->key,
                                    given->given, low_field_preset, preset));
    }
    degradation.noise = noise;
    degradation.noise_seed = noise_seed;
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
    if (degradation.noise > 0.0) {
        description["noise"] = fmt::format("{}", degradation.noise);
        description["noise_seed"] = fmt::format("{}", degradation.noise_seed);
    }
    if (degradation.low_field) {
        for (const auto& [key, value] : describe(*degradation.low_field)) description[key] = value;
        description["noise_seed"] = fmt::format("{}", degradation.noise_seed);
    }
    return description;
}

AxisResampler degradation_resampler(int size, const Degradation& degradation) {
    validate(degradation);
    const int scale = degradation.scale;
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

Image degrade(const Image& image, const Degradation& degradation, double intensity_range) {
    validate(degradation);
    const int scale = degradation.scale;
    require(image.height > 0 && image.width > 0 && image.height % scale == 0 && image.width % scale == 0,
            "image",
            fmt::format("{}×{} is not a multiple of the scale {}", image.height, image.width, scale));
    if (degradation.low_field) return low_field_version(image, degradation, intensity_range);
    Image low = resample(image, degradation_resampler(image.height, degradation),
                         degradation_resampler(image.width, degradation));
    if (degradation.noise > 0.0)
        add_rician_noise(low, degradation.noise * intensity_range, degradation.noise_seed,
                         content_hash(image));
    return low;
}

}  // namespace dnsp::imaging
