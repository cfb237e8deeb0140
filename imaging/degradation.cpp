#include "imaging/degradation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>

#include "base/error.hpp"
#include "imaging/resample.hpp"

namespace dnsp::imaging {
namespace {

using Kernel = Degradation::Kernel;

/// Where the Gaussian is cut off, in standard deviations: 6e-5 of its mass lies beyond.
constexpr double gaussian_support = 4.0;

const std::map<std::string, Kernel> kernels = {
    {"gaussian", Kernel::gaussian}, {"box", Kernel::box}, {"bicubic", Kernel::bicubic}};
const std::map<std::string, Phase> phases = {{"center", Phase::center}, {"corner", Phase::corner}};

template <class Value>
std::string name_of(Value value, const std::map<std::string, Value>& names) {
    for (const auto& [name, candidate] : names) {
        if (candidate == value) return name;
    }
    throw FileError("degradation: unknown value");
}

const std::string& entry(const std::map<std::string, std::string>& description, const std::string& key) {
    const auto found = description.find(key);
    require(found != description.end(), "degradation", "description lacks \"" + key + "\"");
    return found->second;
}

template <class Value>
Value named(const std::map<std::string, std::string>& description, const std::string& key,
            const std::map<std::string, Value>& names) {
    const std::string& text = entry(description, key);
    const auto found = names.find(text);
    require(found != names.end(), "degradation", "unknown " + key + " \"" + text + "\"");
    return found->second;
}

template <class Value>
Value number(const std::map<std::string, std::string>& description, const std::string& key) {
    const std::string& text = entry(description, key);
    Value value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    require(error == std::errc() && end == text.data() + text.size(), "degradation",
            key + " \"" + text + "\" is not a number");
    return value;
}

void validate(const Degradation& degradation) {
    require(degradation.scale >= 2 && degradation.scale <= 4, "degradation",
            fmt::format("scale {} is not 2, 3 or 4", degradation.scale));
    require(degradation.kernel != Kernel::gaussian ||
                (std::isfinite(degradation.sigma) && degradation.sigma > 0.0),
            "degradation", fmt::format("sigma {} is not a positive number", degradation.sigma));
}

AxisResampler shrinker(int size, const Degradation& degradation) {
    const int scale = degradation.scale;
    if (degradation.kernel == Kernel::bicubic) return bicubic_shrinker(size, scale, degradation.phase);
    const double shift = degradation.phase == Phase::center ? 0.5 * (scale - 1) : 0.0;
    const auto position = [=](int k) { return scale * k + shift; };
    if (degradation.kernel == Kernel::box) {
        return make_resampler(
            size, size / scale, position, [](double) { return 1.0; }, 0.5 * scale);
    }
    const double sigma = degradation.sigma;
    return make_resampler(
        size, size / scale, position, [=](double d) { return std::exp(-0.5 * d * d / (sigma * sigma)); },
        gaussian_support * sigma);
}

}  // namespace

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
    } else {
        throw FileError(fmt::format("degradation: unknown preset \"{}\"; known are {}", preset,
                                    fmt::join(degradation_presets(), ", ")));
    }
    validate(degradation);
    return degradation;
}

std::map<std::string, std::string> describe(const Degradation& degradation) {
    return {{"preset", degradation.preset},
            {"kernel", name_of(degradation.kernel, kernels)},
            {"sigma", fmt::format("{}", degradation.sigma)},
            {"scale", fmt::format("{}", degradation.scale)},
            {"phase", name_of(degradation.phase, phases)}};
}

Degradation parse_degradation(const std::map<std::string, std::string>& description) {
    Degradation degradation;
    degradation.preset = entry(description, "preset");
    degradation.kernel = named(description, "kernel", kernels);
    degradation.sigma = number<double>(description, "sigma");
    degradation.scale = number<int>(description, "scale");
    degradation.phase = named(description, "phase", phases);
    validate(degradation);
    return degradation;
}

Image degrade(const Image& image, const Degradation& degradation) {
    validate(degradation);
    const int scale = degradation.scale;
    require(image.height > 0 && image.width > 0 && image.height % scale == 0 && image.width % scale == 0,
            "image",
            fmt::format("{}×{} is not a multiple of the scale {}", image.height, image.width, scale));
    return resample(image, shrinker(image.height, degradation), shrinker(image.width, degradation));
}

Image degrade_and_enlarge(const Image& image, const Degradation& degradation) {
    return enlarge_bicubic(degrade(image, degradation), degradation.scale, degradation.phase);
}

}  // namespace dnsp::imaging
