#include <fmt/format.h>

#include "tools/analysis.hpp"
#include "tools/figure.hpp"

namespace dnsp::tools {
namespace {

/// Panel A: the means of the cells, a series for each data set.
IntervalChart chart_of_slices(const Analysis::MetricResult& metric) {
    IntervalChart chart{"A: by slice, comparison intervals (Tukey–Kramer, 5 %)", metric.label, {}, {}, false};
    for (const auto& cell : metric.slices.cells) {
        if (chart.series.empty() || chart.series.back().name != cell.dataset)
            chart.series.push_back({cell.dataset, {}, {}});
        if (chart.series.size() == 1) chart.labels.push_back(cell.method);
        chart.series.back().centre.push_back(cell.mean);
        chart.series.back().half_width.push_back(cell.comparison_half_width);
    }
    return chart;
}

/// Panel B: the differences to the reference.
IntervalChart chart_of_persons(const Analysis& analysis, const Analysis::MetricResult& metric) {
    IntervalChart chart{"B: by person, 95 % intervals over persons",
                        fmt::format("{}, difference to {}", metric.label, analysis.options.reference),
                        {},
                        {},
                        true};
    for (const auto& dataset : metric.persons.datasets) {
        chart.series.push_back({fmt::format("{}, {} persons", dataset.name, dataset.persons.size()), {}, {}});
        for (const auto& contrast : dataset.contrasts) {
            if (chart.series.size() == 1) chart.labels.push_back(contrast.method);
            chart.series.back().centre.push_back(contrast.persons.mean);
            chart.series.back().half_width.push_back(contrast.persons.ci95);
        }
    }
    return chart;
}

}  // namespace

void draw(const Analysis& analysis, const std::filesystem::path& png) {
    std::vector<std::vector<IntervalChart>> rows;
    for (const auto& metric : analysis.metrics)
        rows.push_back({chart_of_slices(metric), chart_of_persons(analysis, metric)});
    draw_interval_charts(png, persons_and_seeds(analysis), rows);
}

}  // namespace dnsp::tools
