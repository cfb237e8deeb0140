#include "imaging/through_plane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <sstream>

#include "base/error.hpp"
#include "base/file_reader.hpp"

namespace dnsp::imaging {
namespace {

constexpr const char* what = "through-plane acquisition";
/// Of a standard deviation of the Gaussian: full width at half maximum, 2·√(2 ln 2).
const double fwhm_of_sigma = 2.0 * std::sqrt(2.0 * std::numbers::ln2);
constexpr double gaussian_support = 4.0;  // standard deviations
/// Sizes and spacings are read from headers in single precision.
constexpr double rounding = 1e-5;

/// The integral of the line between two samples over the part of it that lies in [a, b].
double integral_between(const ThroughPlane::Sample& left, const ThroughPlane::Sample& right, double a,
                        double b) {
    const double from = std::max(a, left.position), to = std::min(b, right.position);
    if (from >= to) return 0.0;
    const double slope = (right.sensitivity - left.sensitivity) / (right.position - left.position);
    return (to - from) * (left.sensitivity + slope * (0.5 * (from + to) - left.position));
}

ThroughPlane::Sample sample_of(const std::string& text, const std::string& source) {
    std::istringstream words(text);
    ThroughPlane::Sample sample{};
    std::string rest;
    require((words >> sample.position >> sample.sensitivity) && !(words >> rest), source,
            fmt::format("\"{}\" is not a position and a sensitivity", text));
    return sample;
}

}  // namespace

ThroughPlane ThroughPlane::scaled_to(double spacing_mm) const {
    ThroughPlane scaled = *this;
    const double ratio = spacing_mm / spacing;
    scaled.thickness *= ratio;
    scaled.spacing = spacing_mm;
    for (Sample& sample : scaled.samples) sample.position *= ratio;
    return scaled;
}

double ThroughPlane::sensitivity(double a, double b) const {
    switch (profile) {
        case SliceProfile::box:
            return std::max(0.0, std::min(b, 0.5 * thickness) - std::max(a, -0.5 * thickness));
        case SliceProfile::gaussian: {
            const double scale = fwhm_of_sigma / (thickness * std::numbers::sqrt2);
            return 0.5 * (std::erf(b * scale) - std::erf(a * scale));
        }
        default: {
            double sum = 0.0;
            for (std::size_t i = 1; i < samples.size(); ++i)
                sum += integral_between(samples[i - 1], samples[i], a, b);
            return sum;
        }
    }
}

double ThroughPlane::support() const {
    switch (profile) {
        case SliceProfile::box:
            return 0.5 * thickness;
        case SliceProfile::gaussian:
            return gaussian_support * thickness / fwhm_of_sigma;
        default:
            return std::max(std::abs(samples.front().position), std::abs(samples.back().position));
    }
}

void validate(const ThroughPlane& acquisition) {
    const auto positive = [](double x) { return std::isfinite(x) && x > 0.0; };
    require(positive(acquisition.thickness), what,
            fmt::format("thickness {} mm is not a positive number", acquisition.thickness));
    require(positive(acquisition.spacing), what,
            fmt::format("spacing {} mm is not a positive number", acquisition.spacing));
    if (acquisition.profile != SliceProfile::measured) return;
    const auto& samples = acquisition.samples;
    require(samples.size() >= 2, what, "a measured profile needs at least two samples");
    double sum = 0.0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        require(std::isfinite(samples[i].position) && std::isfinite(samples[i].sensitivity) &&
                    samples[i].sensitivity >= 0.0,
                what,
                fmt::format("sample {} of the profile is not a position and a sensitivity from 0 on", i + 1));
        require(i == 0 || samples[i].position > samples[i - 1].position, what,
                fmt::format("the positions of the profile do not rise at sample {}", i + 1));
        sum += samples[i].sensitivity;
    }
    require(sum > 0.0, what, "the measured profile is 0 everywhere");
}

int thick_slice_count(int size, double voxel_mm, const ThroughPlane& acquisition) {
    validate(acquisition);
    require(
        acquisition.spacing >= voxel_mm * (1.0 - rounding), what,
        fmt::format("spacing {:.3g} mm is below the voxel size {:.3g} mm", acquisition.spacing, voxel_mm));
    const int count = static_cast<int>(std::floor(size * voxel_mm / acquisition.spacing + rounding));
    require(count >= 1, what,
            fmt::format("{} voxels of {:.3g} mm are less than one slice of {:.3g} mm", size, voxel_mm,
                        acquisition.spacing));
    return count;
}

int thin_slice_count(int slices, double voxel_mm, double spacing_mm) {
    return static_cast<int>(std::floor(slices * spacing_mm / voxel_mm + rounding));
}

AxisResampler thick_slices(int size, double voxel_mm, const ThroughPlane& acquisition, int slices) {
    const double step = acquisition.spacing / voxel_mm;
    return make_resampler(
        size, slices > 0 ? slices : thick_slice_count(size, voxel_mm, acquisition),
        [=](int k) { return (k + 0.5) * step - 0.5; },
        [&](double d) { return acquisition.sensitivity((d - 0.5) * voxel_mm, (d + 0.5) * voxel_mm); },
        acquisition.support() / voxel_mm + 0.5);
}

AxisResampler thin_slices(int slices, double voxel_mm, double spacing_mm, int count) {
    const double step = voxel_mm / spacing_mm;
    if (count == 0) count = thin_slice_count(slices, voxel_mm, spacing_mm);
    return cubic_interpolator(slices, count, 0.5 * step - 0.5, step);
}

void ThroughPlaneSettings::visit(OptionVisitor& v) {
    v.option({.key = "thickness",
              .flag = "--thickness",
              .help = "through-plane: thickness of a slice in mm; or LOW:HIGH",
              .range = Range::positive},
             thickness);
    v.option({.key = "spacing",
              .flag = "--spacing",
              .help = "through-plane: distance of the middles of slices in mm [thickness]; or LOW:HIGH",
              .range = Range::positive},
             spacing);
    v.option(
        {.key = "profile",
         .flag = "--profile",
         .help = "through-plane: sensitivity across a slice; the width of a Gaussian at half maximum is the "
                 "thickness"},
        profile,
        {{"gaussian", SliceProfile::gaussian},
         {"box", SliceProfile::box},
         {"measured", SliceProfile::measured}});
    v.option({.key = "profile_file",
              .flag = "--profile-file",
              .help = "measured profile: text, a line \"mm sensitivity\" for each sample"},
             profile_file);
    v.option({.key = "profile_samples"}, profile_samples);
}

void ThroughPlaneSettings::read_profile() {
    if (profile_file.empty()) return;
    profile_samples.clear();
    for (const std::string& line : read_lines(profile_file))
        if (!line.empty() && line[0] != '#' && line.find_first_not_of(" \t\r") != std::string::npos) {
            sample_of(line, profile_file);
            profile_samples.push_back(line);
        }
}

ThroughPlane ThroughPlaneSettings::make() const {
    require(profile_file.empty() || profile == SliceProfile::measured, what,
            "a profile file needs the profile measured");
    ThroughPlane acquisition{thickness.middle(), spacing.middle(), profile};
    if (profile == SliceProfile::measured) {
        require(!profile_samples.empty(), what, "the profile measured needs a profile file with samples");
        for (const std::string& line : profile_samples) acquisition.samples.push_back(sample_of(line, what));
        require(!thickness.is_range(), what, "a measured profile has one thickness");
        if (thickness == NumberOrRange{})
            acquisition.thickness =
                acquisition.samples.back().position - acquisition.samples.front().position;
    }
    if (spacing == NumberOrRange{}) acquisition.spacing = acquisition.thickness;
    validate(acquisition);
    return acquisition;
}

}  // namespace dnsp::imaging
