#include "base/error.hpp"
#include "statistics/distributions.hpp"
#include "tools/analysis.hpp"

namespace dnsp::tools {
namespace {

using namespace statistics;
using nlohmann::ordered_json;

ordered_json json_of(const Effect& e) { return {{"ss", e.ss}, {"df", e.df}, {"f", e.f}, {"p", e.p}}; }

ordered_json json_of(const ErrorTerm& e) { return {{"ss", e.ss}, {"df", e.df}, {"ms", e.ms}}; }

ordered_json json_of(const SphericityEffect& e) {
    return {{"f", e.f}, {"df1", e.df1}, {"df2", e.df2}, {"p", e.p}, {"epsilon", e.epsilon}, {"p_gg", e.p_gg}};
}

ordered_json json_of(const Contrast& c) {
    return {{"mean", c.mean}, {"ci95_half_width", c.ci95}, {"t", c.t}, {"df", c.df}, {"p", c.p}, {"n", c.n}};
}

const char* text_of(SeedDesign design) {
    switch (design) {
        case SeedDesign::none:
            return "neither method has seeds";
        case SeedDesign::one_sided:
            return "one method has seeds: its values minus the mean of the other";
        case SeedDesign::paired:
            return "paired by seed";
        case SeedDesign::unpaired:
            return "different seeds: Welch's test";
    }
    return "";
}

ordered_json json_of(const MethodContrast& c) {
    ordered_json json = json_of(c.persons);
    json["p_holm"] = c.p_holm;
    json["bootstrap"] = {{"low", c.bootstrap.low}, {"high", c.bootstrap.high}};
    json["over_seeds"] = json_of(c.seeds);
    json["over_seeds"]["design"] = text_of(c.design);
    json["both_intervals_exclude_0"] = c.both_exclude_zero();
    if (c.splits) json["repeated_splits"] = json_of(*c.splits);
    return json;
}

ordered_json json_of(const SliceAnalysis& a) {
    ordered_json json;
    if (a.two_way) {
        json["two_way"] = {{"method", json_of(a.two_way->rows)},
                           {"dataset", json_of(a.two_way->columns)},
                           {"interaction", json_of(a.two_way->interaction)},
                           {"error", json_of(a.two_way->error)}};
        const auto& additive = a.two_way->additive;
        json["additive"] = {{"method", json_of(additive.rows)},
                            {"dataset", json_of(additive.columns)},
                            {"error", json_of(additive.error)}};
    } else {
        json["one_way"] = {{"method", json_of(a.one_way->groups)}, {"error", json_of(a.one_way->error)}};
    }
    json["tukey"] = {{"q", a.tukey.q}, {"k", a.tukey.k}, {"df", a.tukey.df}, {"hsd", a.tukey.hsd}};
    json["cells"] = ordered_json::array();
    for (const SliceAnalysis::Cell& cell : a.cells)
        json["cells"].push_back({{"dataset", cell.dataset},
                                 {"method", cell.method},
                                 {"mean", cell.mean},
                                 {"n", cell.n},
                                 {"comparison_half_width", cell.comparison_half_width},
                                 {"ci95_half_width", cell.ci95}});
    return json;
}

ordered_json json_of(const PersonAnalysis::Dataset& d) {
    ordered_json json{{"people", d.persons.size()}, {"subjects", d.persons}};
    for (const auto& method : d.methods) json["seeds"][method.name] = method.seeds;
    if (!d.splits.empty()) json["splits"] = d.splits;
    for (const auto& method : d.methods)
        json["methods"][method.name] = {{"mean", method.persons.mean},
                                        {"ci95_half_width", method.persons.ci95}};
    json["rm_anova"] = json_of(d.anova.method);
    json["rm_anova"]["error"] = json_of(d.anova.error);
    for (const MethodContrast& contrast : d.contrasts) json["contrasts"][contrast.method] = json_of(contrast);
    json["pairs"] = ordered_json::array();
    for (const MethodContrast& pair : d.pairs) {
        ordered_json entry{{"method", pair.method}, {"base", pair.base}};
        entry.update(json_of(pair));
        json["pairs"].push_back(std::move(entry));
    }
    json["friedman"] = {{"chi2", d.friedman.chi2}, {"df", d.friedman.df}, {"p", d.friedman.p}};
    json["smallest_wilcoxon_p"] = d.smallest_wilcoxon_p;
    return json;
}

ordered_json json_of(const Analysis::MetricResult& metric, const std::optional<InteractionRequest>& request) {
    ordered_json json;
    for (const auto& dataset : metric.persons.datasets) json["datasets"][dataset.name] = json_of(dataset);
    if (const auto& split_plot = metric.persons.split_plot)
        json["split_plot"] = {{"method", json_of(split_plot->method)},
                              {"interaction", json_of(split_plot->interaction)},
                              {"within_error", json_of(split_plot->within_error)},
                              {"dataset", json_of(split_plot->dataset)},
                              {"between_error", json_of(split_plot->between_error)}};
    if (request) {
        ordered_json& interaction = json["regime_interaction"];
        interaction = {{"method", request->method},
                       {"base", request->base},
                       {"regime_a", request->regime_a},
                       {"regime_b", request->regime_b}};
        for (const Interaction& i : metric.interactions) {
            interaction["datasets"][i.dataset] = json_of(i.persons);
            if (i.seeds) interaction["datasets"][i.dataset]["over_seeds"] = json_of(*i.seeds);
        }
    }
    return json;
}

ordered_json conventions(const Analysis& a) {
    ordered_json json{
        {"alpha", alpha},
        {"intervals", "ci95_half_width: half-width of the 95 % interval by Student's t"},
        {"panel_a",
         "slices count as independent observations, which they are not; the seeds of a slice are "
         "averaged first; fixed effects, sums of squares of type II"},
        {"comparison_half_width",
         "Hochberg & Tamhane 1987, Eq. 3.32: two cell means differ by Tukey-Kramer where "
         "the intervals are disjoint; not a confidence interval of the mean"},
        {"panel_b",
         "one number for each person and method: the mean over slices, then over the method's seeds; "
         "persons of different data sets are different persons"},
        {"contrasts",
         "method minus reference, paired by person; p_holm adjusts p over the methods of a data set"},
        {"over_seeds",
         "persons are averaged first; a claim needs the intervals over persons and over seeds to "
         "exclude 0"},
        {"p_gg", "both degrees of freedom multiplied by the Greenhouse-Geisser epsilon"},
        {"bootstrap",
         {{"over", "persons"},
          {"resamples", a.options.bootstrap_resamples},
          {"seed", a.options.bootstrap_seed},
          {"interval", "2.5th to 97.5th percentile"}}}};
    if (a.options.splits)
        json["repeated_splits"] = {{"test", "Nadeau & Bengio 2003, corrected t over the splits"},
                                   {"training_people", a.options.splits->training},
                                   {"test_people", a.options.splits->test}};
    if (a.interaction)
        json["regime_interaction"] =
            "(method - base) in regime_a minus (method - base) in regime_b, paired by person";
    return json;
}

}  // namespace

ordered_json to_json(const Analysis& a) {
    ordered_json panel_a, panel_b;
    for (const auto& metric : a.metrics) {
        panel_a[metric.key] = json_of(metric.slices);
        panel_b[metric.key] = json_of(metric, a.interaction);
    }
    ordered_json json{{"files", a.files}, {"scale", a.scale}};
    if (!a.options.splits) json["regime"] = a.regime;
    json["reference"] = a.options.reference;
    json["conventions"] = conventions(a);
    json["panel_a"] = std::move(panel_a);
    json["panel_b"] = std::move(panel_b);
    return json;
}

}  // namespace dnsp::tools
