#include "inference/seen_scans.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"

namespace dnsp {
namespace {

constexpr double pixel_tolerance = 0.15;
constexpr double tolerated_factor = 1.5;           // of noise and of the distance of histograms
constexpr double least_noise = 0.005;              // added to the noise of training
constexpr double least_histogram_distance = 0.03;  // added to the distances of training

NumberOrRange range_of(const std::vector<double>& values) {
    if (values.empty()) return {};
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return {*low, *high};
}

std::string text(const NumberOrRange& range, double factor, const char* unit) {
    return range.is_range() ? fmt::format("{:.3g} to {:.3g}{}", factor * range.low, factor * range.high, unit)
                            : fmt::format("{:.3g}{}", factor * range.low, unit);
}

}  // namespace

SeenScans seen_scans(const std::vector<imaging::ScanStatistics>& scans) {
    SeenScans seen;
    std::vector<double> pixels, noise;
    for (const imaging::ScanStatistics& scan : scans) {
        if (scan.pixel_mm > 0.0) pixels.push_back(scan.pixel_mm);
        noise.push_back(scan.noise);
        seen.histogram.resize(scan.histogram.size(), 0.0);
        for (std::size_t i = 0; i < scan.histogram.size(); ++i)
            seen.histogram[i] += scan.histogram[i] / static_cast<double>(scans.size());
    }
    seen.pixel_mm = range_of(pixels);
    seen.noise = range_of(noise);
    double detail = 0.0;
    for (const imaging::ScanStatistics& scan : scans) detail += scan.fine_detail_db;
    if (!scans.empty()) seen.fine_detail_db = detail / static_cast<double>(scans.size());
    for (const imaging::ScanStatistics& scan : scans)
        seen.histogram_distance =
            std::max(seen.histogram_distance, imaging::histogram_distance(scan.histogram, seen.histogram));
    return seen;
}

nlohmann::json to_json(const SeenScans& seen) {
    nlohmann::json json = {{"pixel_mm", {seen.pixel_mm.low, seen.pixel_mm.high}},
                           {"noise", {seen.noise.low, seen.noise.high}},
                           {"histogram", seen.histogram},
                           {"histogram_distance", seen.histogram_distance}};
    if (seen.fine_detail_db) json["fine_detail_db"] = *seen.fine_detail_db;
    return json;
}

SeenScans seen_scans_of(const nlohmann::json& json) {
    const auto range = [&](const char* key) {
        return NumberOrRange{json.at(key).at(0).get<double>(), json.at(key).at(1).get<double>()};
    };
    try {
        SeenScans seen{range("pixel_mm"), range("noise"), json.at("histogram").get<std::vector<double>>(),
                       json.at("histogram_distance").get<double>()};
        if (json.contains("fine_detail_db")) seen.fine_detail_db = json["fine_detail_db"].get<double>();
        return seen;
    } catch (const nlohmann::json::exception& error) {
        throw Error(fmt::format("the record of the training's scans cannot be read ({})", error.what()));
    }
}

std::vector<std::string> differences(const SeenScans& seen, const imaging::ScanStatistics& scan) {
    std::vector<std::string> found;
    if (seen.histogram.size() != scan.histogram.size()) return found;
    if (seen.pixel_mm.low > 0.0 && scan.pixel_mm > 0.0 &&
        (scan.pixel_mm < seen.pixel_mm.low * (1.0 - pixel_tolerance) ||
         scan.pixel_mm > seen.pixel_mm.high * (1.0 + pixel_tolerance)))
        found.push_back(
            fmt::format("pixels of {:.3g} mm, not {}", scan.pixel_mm, text(seen.pixel_mm, 1.0, " mm")));
    if (scan.noise > tolerated_factor * seen.noise.high + least_noise)
        found.push_back(fmt::format("noise of about {:.2g} % of the range, not {}", 100.0 * scan.noise,
                                    text(seen.noise, 100.0, " %")));
    const double distance = imaging::histogram_distance(scan.histogram, seen.histogram);
    if (distance > tolerated_factor * seen.histogram_distance + least_histogram_distance)
        found.push_back(fmt::format(
            "a histogram {:.2g} % of the range away from the mean of the training's, which lie within {:.2g} %",
            100.0 * distance, 100.0 * seen.histogram_distance));
    return found;
}

}  // namespace dnsp
