#include "imaging/low_field.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/options_json.hpp"

namespace dnsp::imaging {
namespace {

constexpr const char* subject = "low field";

constexpr std::array<double, 8> fields = {0.1, 0.2, 0.3, 0.4, 0.5, 1.0, 1.5, 3.0};  // tesla

struct Relaxation {
    std::array<double, 8> t1;  // seconds, at `fields`
    double t2;
};

const Relaxation& relaxation(Tissue tissue) {
    static const Relaxation white{{0.31, 0.39, 0.45, 0.49, 0.53, 0.68, 0.78, 1.08}, 0.092};
    static const Relaxation grey{{0.40, 0.49, 0.55, 0.61, 0.65, 0.82, 0.92, 1.82}, 0.1};
    static const Relaxation muscle{{0.28, 0.37, 0.45, 0.50, 0.55, 0.73, 0.87, 1.42}, 0.047};
    static const Relaxation fat{{0.17, 0.18, 0.20, 0.21, 0.22, 0.24, 0.26, 0.30}, 0.085};
    switch (tissue) {
        case Tissue::white_matter:
            return white;
        case Tissue::grey_matter:
            return grey;
        case Tissue::muscle:
            return muscle;
        default:
            return fat;
    }
}

/// The signal of a spoiled gradient echo, without the density of protons. Times in seconds.
double steady_state_signal(double tr, double t1, double te, double t2, double cosine) {
    const double e1 = std::exp(-tr / t1);
    return (1.0 - e1) / (1.0 - e1 * cosine) * std::exp(-te / t2);
}

double t1_seconds(Tissue tissue, double field, double given_ms, const char* option) {
    if (given_ms > 0.0) return 1e-3 * given_ms;
    const auto t1 = tabulated_t1_seconds(tissue, field);
    require(t1.has_value(), subject,
            fmt::format("the table has no T1 at {} T; give it by {} in ms (the table has {} T)", field,
                        option, fmt::join(fields, ", ")));
    return *t1;
}

void require_positive(double value, const char* name) {
    require(std::isfinite(value) && value > 0.0, subject,
            fmt::format("{} {} is not a positive number", name, value));
}

void require_non_negative(double value, const char* name) {
    require(std::isfinite(value) && value >= 0.0, subject,
            fmt::format("{} {} is not a number of at least 0", name, value));
}

}  // namespace

std::optional<double> tabulated_t1_seconds(Tissue tissue, double field_tesla) {
    const auto* found = std::find(fields.begin(), fields.end(), field_tesla);
    if (found == fields.end()) return std::nullopt;
    return relaxation(tissue).t1[static_cast<std::size_t>(found - fields.begin())];
}

double tabulated_t2_seconds(Tissue tissue) { return relaxation(tissue).t2; }

double LowFieldModel::signal_factor() const { return field_ratio * field_ratio * signal_ratio; }

double LowFieldModel::noise_factor() const {
    const double signal = signal_factor();
    return std::sqrt(std::max(0.0, field_ratio * field_ratio * bandwidth_ratio - signal * signal));
}

double LowFieldModel::relative_noise() const { return noise_factor() / signal_factor(); }

double LowFieldModel::snr_ratio() const { return field_ratio * signal_ratio / std::sqrt(bandwidth_ratio); }

void LowFieldSettings::visit(OptionVisitor& v) {
    const auto number = [&](const char* key, const char* flag, const std::string& help, double& value,
                            Range range) {
        v.option({.key = key, .flag = flag, .help = help, .group = "Low field", .range = range}, value);
    };
    number("from_field", "--from-field", "field strength of the images, tesla", from_field, Range::positive);
    number("to_field", "--to-field", "field strength to simulate, tesla", to_field, Range::positive);
    v.option({.key = "tissue",
              .flag = "--tissue",
              .help = "tissue whose relaxation times decide",
              .group = "Low field"},
             tissue,
             {{"white-matter", Tissue::white_matter},
              {"grey-matter", Tissue::grey_matter},
              {"muscle", Tissue::muscle},
              {"fat", Tissue::fat}});
    number("from_t1", "--from-t1", "T1 at --from-field, ms; 0: from the table of the tissue", from_t1,
           Range::non_negative);
    number("to_t1", "--to-t1", "T1 at --to-field, ms; 0: from the table of the tissue", to_t1,
           Range::non_negative);
    v.option({.key = "sequence",
              .flag = "--sequence",
              .help = "kind of echo; the published formula is the same for both",
              .group = "Low field"},
             sequence, {{"gradient-echo", Sequence::gradient_echo}, {"spin-echo", Sequence::spin_echo}});
    number("tr", "--tr", "repetition time, ms", tr, Range::positive);
    number("to_tr", "--to-tr", "repetition time at --to-field, ms; 0: --tr", to_tr, Range::non_negative);
    number("te", "--te", "echo time, ms", te, Range::non_negative);
    number("to_te", "--to-te", "echo time at --to-field, ms; 0: --te", to_te, Range::non_negative);
    number("flip_angle", "--flip-angle", "degrees", flip_angle, Range::positive);
    number("from_bandwidth", "--from-bandwidth",
           "readout bandwidth; only the ratio to --to-bandwidth matters", from_bandwidth, Range::positive);
    number("to_bandwidth", "--to-bandwidth", "readout bandwidth at --to-field", to_bandwidth,
           Range::positive);
    number("low_field_noise", "--low-field-noise",
           "standard deviation of the noise that the images contain, as a share of their range", noise,
           Range::non_negative);
    v.option(
        {.key = "noise_type",
         .flag = "--noise-type",
         .help = "noise of k-space: complex, or real as in the published code (its PSNR is 3 dB too high)",
         .group = "Low field"},
        noise_type, {{"complex", NoiseType::complex}, {"real", NoiseType::real}});
}

LowFieldModel LowFieldSettings::make() const {
    require_positive(from_field, "the field");
    require_positive(to_field, "the field");
    require_positive(tr, "the repetition time");
    require_positive(from_bandwidth, "the bandwidth");
    require_positive(to_bandwidth, "the bandwidth");
    require_non_negative(from_t1, "T1");
    require_non_negative(to_t1, "T1");
    require_non_negative(to_tr, "the repetition time");
    require_non_negative(te, "the echo time");
    require_non_negative(to_te, "the echo time");
    require_non_negative(noise, "the noise");
    require(flip_angle > 0.0 && flip_angle <= 180.0, subject,
            fmt::format("the flip angle {}° is not above 0 and at most 180", flip_angle));

    const double cosine = std::cos(flip_angle * std::numbers::pi / 180.0), t2 = tabulated_t2_seconds(tissue);
    const double high = steady_state_signal(1e-3 * tr, t1_seconds(tissue, from_field, from_t1, "--from-t1"),
                                            1e-3 * te, t2, cosine);
    const double low =
        steady_state_signal(1e-3 * (to_tr > 0.0 ? to_tr : tr), t1_seconds(tissue, to_field, to_t1, "--to-t1"),
                            1e-3 * (to_te > 0.0 ? to_te : te), t2, cosine);
    const LowFieldModel model{to_field / from_field, to_bandwidth / from_bandwidth, low / high, noise_type};
    const double least = model.field_ratio * model.signal_ratio;
    require(model.bandwidth_ratio >= least * least, subject,
            fmt::format(
                "the ratio of the bandwidths {:.4g} is below (a·f)² = {:.4g}: images at {} T would need less "
                "noise than images at {} T contain",
                model.bandwidth_ratio, least * least, to_field, from_field));
    return model;
}

std::map<std::string, std::string> describe(const LowFieldSettings& settings) {
    std::map<std::string, std::string> description;
    const nlohmann::json json = to_json(settings);
    for (const auto& [key, value] : json.items())
        description[key] = value.is_string() ? value.get<std::string>() : json_text(value);
    const LowFieldModel model = settings.make();
    description["signal_ratio"] = fmt::format("{}", model.signal_ratio);
    description["added_noise"] = fmt::format("{}", model.relative_noise() * settings.noise);
    description["snr_ratio"] = fmt::format("{}", model.snr_ratio());
    return description;
}

ComplexImage low_field_spectrum(ComplexImage k, const LowFieldModel& model, double sigma,
                                const Philox& random) {
    const double signal = model.signal_factor(), noise = model.noise_factor() * sigma;
    for (std::size_t i = 0; i < k.values.size(); ++i) {
        const std::uint64_t first = 2 * static_cast<std::uint64_t>(i);
        const double imaginary = model.noise_type == NoiseType::complex ? random.normal(first + 1) : 0.0;
        k.values[i] = signal * k.values[i] + noise * std::complex<double>(random.normal(first), imaginary);
    }
    return k;
}

Image simulate_low_field(const Image& image, const LowFieldModel& model, double sigma, const Philox& random) {
    const ComplexImage low =
        inverse_fourier_transform(low_field_spectrum(fourier_transform(image), model, sigma, random));
    const double brightness = 1.0 / model.signal_factor();
    Image result(image.height, image.width);
    for (std::size_t i = 0; i < result.pixels.size(); ++i)
        result.pixels[i] = static_cast<float>(brightness * std::abs(low.values[i]));
    return result;
}

}  // namespace dnsp::imaging
