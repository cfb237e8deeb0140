#include <fmt/format.h>

#include <cmath>

#include "base/counted.hpp"
#include "statistics/csv.hpp"
#include "tools/comparison.hpp"

namespace dnsp::tools {
namespace {

constexpr const char* data_range = "99.9th minus 0.1th percentile of the reference";

/// A number, or nothing for NaN.
std::string cell(double value, const char* format = "{:.4f}") {
    return std::isnan(value) ? "" : fmt::format(fmt::runtime(format), value);
}

/// The half-width of an interval; nothing if there is none.
std::string plus_minus(double half_width) { return std::isnan(half_width) ? "" : "± " + cell(half_width); }

bool applies(const Comparison& comparison, std::size_t metric) {
    return !std::isnan(comparison.candidates.front().per_person.front()[metric]);
}

nlohmann::json by_key(const ComparisonValues& values) {
    nlohmann::json out;
    for (std::size_t m = 0; m < values.size(); ++m) out[comparison_metrics[m].key] = values[m];
    return out;
}

}  // namespace

std::string table(const Comparison& comparison) {
    std::string text =
        fmt::format("{:<24} {:<20} {:>22} {:>12}\n", "candidate", "metric", "mean (±95 %)", "median rank");
    for (std::size_t m = 0; m < comparison_metric_count; ++m) {
        if (!applies(comparison, m)) continue;
        for (const auto& candidate : comparison.candidates)
            text +=
                fmt::format("{:<24} {:<20} {:>10} {:<11} {:>12}\n", candidate.name,
                            comparison_metrics[m].heading, cell(candidate.means[m].mean),
                            plus_minus(candidate.means[m].ci95), cell(candidate.median_rank[m], "{:.1f}"));
    }
    if (!comparison.paired.empty()) {
        text += fmt::format("\ndifferences to {}, paired by person:\n{:<24} {:<20} {:>22} {:>12} {:>12}\n",
                            comparison.candidates.front().name, "candidate", "metric", "difference (±95 %)",
                            "Wilcoxon p", "p (Holm)");
        for (const auto& pair : comparison.paired)
            text += fmt::format("{:<24} {:<20} {:>10} {:<11} {:>12} {:>12}\n", pair.candidate,
                                comparison_metrics[pair.metric].heading,
                                cell(pair.difference.mean, "{:+.4f}"), plus_minus(pair.difference.ci95),
                                cell(pair.wilcoxon_p), cell(pair.wilcoxon_p_holm));
    }
    text += fmt::format("{}{}; {}{}; data range: {}\n", counted(comparison.persons.size(), "person"),
                        comparison.persons.size() == 1 ? ", so no interval" : "",
                        comparison.options.mask.empty() ? "all voxels count" : "the voxels of the mask count",
                        comparison.options.match ? "; intensities matched linearly to the reference" : "",
                        data_range);
    if (!comparison.options.acquisition)
        text +=
            "power above Nyquist and consistency need the acquisition: --scale, or --direction through-plane\n";
    return text;
}

nlohmann::json to_json(const Comparison& comparison) {
    nlohmann::json convention{
        {"data_range", data_range},
        {"interval", "95 %, Student's t, over persons"},
        {"test", "exact Wilcoxon signed-rank test, two-sided; Holm's correction over the candidates"},
        {"voxels", comparison.options.mask.empty() ? "all" : "those of the mask that are not 0"},
        {"linear_match", comparison.options.match},
        {"acquisition", nullptr}};
    for (const auto& metric : comparison_metrics) convention[metric.key] = metric.convention;
    if (comparison.options.acquisition)
        convention["acquisition"] = imaging::describe(*comparison.options.acquisition);
    nlohmann::json candidates = nlohmann::json::array(), paired = nlohmann::json::array();
    for (const auto& candidate : comparison.candidates) {
        nlohmann::json persons = nlohmann::json::array(), mean;
        for (std::size_t p = 0; p < comparison.persons.size(); ++p) {
            nlohmann::json person = by_key(candidate.per_person[p]);
            person["person"] = comparison.persons[p];
            person["file"] = candidate.files[p];
            person["reference"] = comparison.references[p];
            persons.push_back(std::move(person));
        }
        for (std::size_t m = 0; m < comparison_metric_count; ++m)
            mean[comparison_metrics[m].key] = {{"mean", candidate.means[m].mean},
                                               {"ci95", candidate.means[m].ci95},
                                               {"n", candidate.means[m].n}};
        candidates.push_back({{"name", candidate.name},
                              {"per_person", persons},
                              {"mean", mean},
                              {"median_rank", by_key(candidate.median_rank)}});
    }
    for (const auto& pair : comparison.paired)
        paired.push_back({{"candidate", pair.candidate},
                          {"base", pair.base},
                          {"metric", comparison_metrics[pair.metric].key},
                          {"mean_difference", pair.difference.mean},
                          {"ci95", pair.difference.ci95},
                          {"n", pair.difference.n},
                          {"wilcoxon_p", pair.wilcoxon_p},
                          {"wilcoxon_p_holm", pair.wilcoxon_p_holm}});
    return {{"convention", convention}, {"candidates", candidates}, {"paired", paired}};
}

std::string csv(const Comparison& comparison) {
    std::string text = "person,candidate,file";
    for (const auto& metric : comparison_metrics) text += fmt::format(",{}", metric.key);
    text += "\n";
    for (std::size_t p = 0; p < comparison.persons.size(); ++p)
        for (const auto& candidate : comparison.candidates) {
            text +=
                fmt::format("{},{},{}", statistics::csv_field(comparison.persons[p]),
                            statistics::csv_field(candidate.name), statistics::csv_field(candidate.files[p]));
            for (const double value : candidate.per_person[p]) text += "," + cell(value, "{:.8g}");
            text += "\n";
        }
    return text;
}

}  // namespace dnsp::tools
