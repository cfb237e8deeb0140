// Options, warnings and the record of a registration.
#include "tools/register/registration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dnsp::tools {
namespace {

constexpr double max_rotation_degrees = 30.0, max_translation_mm = 50.0, max_scale = 4.0;
constexpr double min_dice = 0.8, metric_tolerance = 1e-3;
constexpr double degrees_per_radian = 180.0 / std::numbers::pi;

const char* name_of(TransformKind kind) {
    switch (kind) {
        case TransformKind::by_kind:
            return "auto";
        case TransformKind::rigid:
            return "rigid";
        case TransformKind::similarity:
            return "similarity";
        case TransformKind::affine:
            return "affine";
    }
    return "";
}

double length_of(const std::vector<double>& vector) {
    double squares = 0.0;
    for (const double x : vector) squares += x * x;
    return std::sqrt(squares);
}

}  // namespace

void RegistrationOptions::visit(OptionVisitor& v) {
    v.option(
        {.key = "transform",
         .flag = "--transform",
         .help = "volumes: rigid; pictures: rigid, similarity (also one scale) or affine; auto: rigid for "
                 "volumes, similarity for pictures"},
        transform,
        {{"auto", TransformKind::by_kind},
         {"rigid", TransformKind::rigid},
         {"similarity", TransformKind::similarity},
         {"affine", TransformKind::affine}});
    v.option(
        {.key = "start",
         .flag = "--start",
         .help = "moments: the foregrounds' centroids coincide (pictures: sizes, too); header: the volumes "
                 "lie as their headers say (pictures: the fields of view coincide)"},
        start, {{"moments", Start::moments}, {"header", Start::header}});
    v.option({.key = "interpolation",
              .flag = "--interpolation",
              .help = "of the result: cubic (B-spline) or linear"},
             interpolation, {{"cubic", Interpolation::cubic}, {"linear", Interpolation::linear}});
}

void complete_parameters(Registration& registration) {
    const auto& m = registration.matrix;
    if (registration.dimensions == 2) {
        const double angle = std::atan2(m[1][0] - m[0][1], m[0][0] + m[1][1]) * degrees_per_radian;
        registration.rotation_degrees = {angle};
        registration.rotation_angle_degrees = std::abs(angle);
        registration.scale = std::sqrt(std::abs(m[0][0] * m[1][1] - m[0][1] * m[1][0]));
        return;
    }
    registration.rotation_degrees = {std::atan2(m[2][1], m[2][2]) * degrees_per_radian,
                                     std::asin(std::clamp(-m[2][0], -1.0, 1.0)) * degrees_per_radian,
                                     std::atan2(m[1][0], m[0][0]) * degrees_per_radian};
    const double cosine = 0.5 * (m[0][0] + m[1][1] + m[2][2] - 1.0);
    registration.rotation_angle_degrees = std::acos(std::clamp(cosine, -1.0, 1.0)) * degrees_per_radian;
    registration.scale = 1.0;
}

void add_warnings(Registration& registration) {
    const auto warn = [&](std::string text) { registration.warnings.push_back(std::move(text)); };
    const double before = registration.mutual_information_before;
    const double after = registration.mutual_information_after;
    if (after < before - metric_tolerance * std::abs(before))
        warn(fmt::format("the mutual information fell from {:.4f} to {:.4f}", before, after));
    if (registration.rotation_angle_degrees > max_rotation_degrees)
        warn(fmt::format("the rotation of {:.1f}° exceeds {:.0f}°", registration.rotation_angle_degrees,
                         max_rotation_degrees));
    const double distance = length_of(registration.translation);
    if (registration.dimensions == 3 && distance > max_translation_mm)
        warn(fmt::format("the translation of {:.1f} mm exceeds {:.0f} mm", distance, max_translation_mm));
    if (registration.scale > max_scale || registration.scale < 1.0 / max_scale)
        warn(fmt::format("the scale of {:.3f} lies outside {:.2f} … {:.0f}", registration.scale,
                         1.0 / max_scale, max_scale));
    if (!registration.levels.empty() && registration.levels.back().out_of_iterations)
        warn(
            fmt::format("the optimiser ran out of its {} iterations", registration.levels.back().iterations));
    if (registration.foreground_dice < min_dice)
        warn(fmt::format("the foregrounds overlap little, Dice coefficient {:.2f}",
                         registration.foreground_dice));
}

nlohmann::json to_json(const Registration& registration) {
    const bool volume = registration.dimensions == 3;
    nlohmann::json levels = nlohmann::json::array();
    for (const RegistrationLevel& level : registration.levels)
        levels.push_back({{"transform", name_of(level.transform)},
                          {"shrink", level.shrink},
                          {volume ? "smoothing_mm" : "smoothing_pixels_of_coarser", level.smoothing},
                          {"sampled_percent", level.sampled_percent},
                          {"iterations", level.iterations},
                          {"stop_reason", level.stop_reason}});
    nlohmann::json json = {
        {"transform", name_of(registration.transform)},
        {"matrix", registration.matrix},
        {"matrix_convention",
         volume
             ? "maps (x, y, z, 1) of the fixed image to the moving image; mm, x to the right, y to the front, "
               "z to the head, as in the NIfTI headers"
             : "maps (column, row, 1) of the fixed image to the moving image; pixels, from the centre of the "
               "first pixel"},
        {"rotation_angle_degrees", registration.rotation_angle_degrees},
        {volume ? "centre_mm" : "centre_pixels", registration.centre},
        {volume ? "translation_mm" : "translation_pixels", registration.translation},
        {"translation_convention", "y = A(x - centre) + centre + translation"},
        {"metric", "Mattes mutual information, 32 bins, nats, larger is better"},
        {"metric_before", registration.mutual_information_before},
        {"metric_after", registration.mutual_information_after},
        {"levels", std::move(levels)},
        {"view_overlap", registration.view_overlap},
        {"foreground_dice", registration.foreground_dice},
        {"warnings", registration.warnings}};
    if (volume) {
        json["rotation_degrees"] = registration.rotation_degrees;
        json["rotation_convention"] = "angles about x, y and z, A = Rz Ry Rx";
    } else {
        json["rotation_degrees"] = registration.rotation_degrees[0];
        json["rotation_convention"] = "from columns towards rows";
        json["scale"] = registration.scale;
    }
    return json;
}

}  // namespace dnsp::tools
