#include "tools/upscale/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "imaging/cut.hpp"
#include "imaging/geometry.hpp"
#include "imaging/normalisation.hpp"
#include "tools/report/page.hpp"
#include "tools/report/pages.hpp"

namespace dnsp::tools {
namespace {

using imaging::CutInterpolation;
using imaging::Volume;
using Json = nlohmann::ordered_json;

constexpr int histogram_bins = 120;
constexpr float head_level = 0.1f;  // of the normalised range

float largest(const Volume& volume) {
    return std::max(1e-12f, *std::max_element(volume.voxels.begin(), volume.voxels.end()));
}

Json cut_json(const UpscaleReport& report, int axis, const imaging::Normalisation& range) {
    const Volume& grid = report.result;
    const int index = grid.size[static_cast<std::size_t>(axis)] / 2;
    const auto layer = [&](const Volume& volume, CutInterpolation how, float low, float high) {
        return png_url(imaging::oriented_cut(volume, grid, axis, index, how).image, low, high);
    };
    const auto low = static_cast<float>(range.low), high = static_cast<float>(range.high);
    const imaging::OrientedCut cut =
        imaging::oriented_cut(report.result, grid, axis, index, CutInterpolation::nearest);
    Json layers = {{"input", layer(report.input, CutInterpolation::nearest, low, high)},
                   {"interpolation", layer(report.input, CutInterpolation::cubic, low, high)},
                   {"result", png_url(cut.image, low, high)}};
    if (report.difference != nullptr)
        layers["difference"] =
            layer(*report.difference, CutInterpolation::nearest, 0.0f, largest(*report.difference));
    if (report.spread != nullptr)
        layers["spread"] = layer(*report.spread, CutInterpolation::nearest, 0.0f, largest(*report.spread));
    return {{"caption", fmt::format("{}, slice {} along axis {}", cut.name, index, "xyz"[axis])},
            {"width_mm", cut.width_mm},
            {"height_mm", cut.height_mm},
            {"left", cut.left},
            {"right", cut.right},
            {"top", cut.top},
            {"bottom", cut.bottom},
            {"layers", layers}};
}

/// Shares of the voxels of the head by normalised intensity, from head_level to 1.
std::vector<double> histogram(const Volume& volume, const imaging::Normalisation& range) {
    std::vector<double> shares(histogram_bins);
    double count = 0.0;
    for (const float voxel : volume.voxels) {
        const float x = (range.apply(voxel) - head_level) / (1.0f - head_level);
        if (!(x >= 0.0f && x < 1.0f)) continue;
        ++shares[static_cast<std::size_t>(x * histogram_bins)];
        ++count;
    }
    for (double& share : shares) share /= std::max(1.0, count);
    return shares;
}

Json header_json(const UpscaleReport& report) {
    Json rows = Json::array();
    const auto add = [&](const char* name, const auto& text) {
        rows.push_back({name, text(report.input), text(report.result)});
    };
    add("voxels", [](const Volume& v) { return fmt::format("{}×{}×{}", v.size[0], v.size[1], v.size[2]); });
    add("voxel size, mm", [](const Volume& v) {
        return fmt::format("{:.4g}×{:.4g}×{:.4g}", v.voxel_size_mm[0], v.voxel_size_mm[1],
                           v.voxel_size_mm[2]);
    });
    add("first voxel, mm (right, front, head)", [](const Volume& v) {
        const imaging::VoxelToWorld world = imaging::voxel_to_world(v);
        return fmt::format("{:.2f}, {:.2f}, {:.2f}", world[0][3], world[1][3], world[2][3]);
    });
    add("intensities", [](const Volume& v) {
        const auto [least, most] = std::minmax_element(v.voxels.begin(), v.voxels.end());
        return fmt::format("{:.4g} to {:.4g}", *least, *most);
    });
    return rows;
}

}  // namespace

std::string html_report(const UpscaleReport& report) {
    const imaging::Normalisation range =
        imaging::percentile_normalisation(report.input.voxels, report.input.path);
    Json layers = {"input", "interpolation", "result"};
    if (report.difference != nullptr) layers.push_back("difference");
    if (report.spread != nullptr) layers.push_back("spread");
    Json cuts = Json::array();
    for (const int axis : {2, 1, 0}) cuts.push_back(cut_json(report, axis, range));
    std::string summary = "Interpolation: Keys' cubic. Grey values from percentile 0.1 to 99.9 of the input.";
    if (report.consistency)
        summary += fmt::format(
            " Acquired again, the result differs from the input by {:.3g} % of its intensity range (root mean "
            "square).",
            100.0 * *report.consistency);
    if (report.difference != nullptr)
        summary += fmt::format(" Difference: absolute, white is {:.4g}.", largest(*report.difference));
    if (report.spread != nullptr)
        summary += fmt::format(" Spread: standard deviation of the ensemble, white is {:.4g}.",
                               largest(*report.spread));
    Json record = Json::object();
    for (const auto& [key, value] : report.record) record[key] = value;
    const Json data = {
        {"title", std::filesystem::path(report.input.path).filename().string() + ": super-resolution"},
        {"summary", summary},
        {"warnings", report.warnings},
        {"layers", layers},
        {"cuts", cuts},
        {"histogram",
         {{"input", histogram(report.input, range)},
          {"result", histogram(report.result, range)},
          {"low", fmt::format("{:.4g}", range.restore(head_level))},
          {"high", fmt::format("{:.4g}", range.high)}}},
        {"header", header_json(report)},
        {"record", record}};
    return html_page(upscale_page, data);
}

}  // namespace dnsp::tools
