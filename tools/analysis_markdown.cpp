#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/analysis.hpp"

namespace dnsp::tools {
namespace {

using namespace statistics;

/// Text for a cell of a table.
std::string cell(const std::string& text) {
    std::string out;
    for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c == '\n' ? ' ' : c);
    return out;
}

std::string number(double value, int decimals) {
    return std::isnan(value) ? "–" : fmt::format("{:.{}f}", value, decimals);
}

/// "p = 0.012", "p = 3.1e-05", "p < 1e-300".
std::string p_text(double p) {
    if (std::isnan(p)) return "p not defined";
    if (p < 1e-300) return "p < 1e-300";
    return p < 1e-3 ? fmt::format("p = {:.1e}", p) : fmt::format("p = {:.3f}", p);
}

std::string mean_and_half_width(double mean, double half_width, int decimals, bool sign = true) {
    return fmt::format("{}{} ± {}", sign && mean > 0 ? "+" : "", number(mean, decimals),
                       number(half_width, decimals));
}

std::string f_text(const char* name, double f, double df1, double df2, double p) {
    return fmt::format("{}: F({:g}, {:g}) = {:.2f}, {}", name, df1, df2, f, p_text(p));
}
std::string f_text(const char* name, const Effect& e, const ErrorTerm& error) {
    return f_text(name, e.f, e.df, error.df, e.p);
}
std::string f_text(const char* name, const SphericityEffect& e) {
    return f_text(name, e.f, e.df1, e.df2, e.p) +
           fmt::format("; Greenhouse–Geisser ε = {}, {}", number(e.epsilon, 3), p_text(e.p_gg));
}

std::vector<std::string> panel_a_tests(const SliceAnalysis& a) {
    if (a.one_way) return {f_text("method", a.one_way->groups, a.one_way->error)};
    const auto& additive = a.two_way->additive;
    return {f_text("method", a.two_way->rows, a.error), f_text("data set", a.two_way->columns, a.error),
            f_text("method × data set", a.two_way->interaction, a.error),
            f_text("without interaction: method", additive.rows, additive.error),
            f_text("without interaction: data set", additive.columns, additive.error)};
}

std::vector<std::string> panel_b_tests(const PersonAnalysis& b) {
    std::vector<std::string> tests;
    for (const auto& d : b.datasets) {
        tests.push_back(f_text((d.name + ", method").c_str(), d.anova.method));
        tests.push_back(fmt::format("{}, Friedman: χ²({:g}) = {:.2f}, {}", d.name, d.friedman.df,
                                    d.friedman.chi2, p_text(d.friedman.p)));
    }
    if (const auto& s = b.split_plot) {
        tests.push_back(f_text("split plot, method", s->method));
        tests.push_back(f_text("split plot, method × data set", s->interaction));
        tests.push_back(f_text("split plot, data set", s->dataset, s->between_error));
    }
    return tests;
}

std::string test_table(const Analysis::MetricResult& metric) {
    const auto a = panel_a_tests(metric.slices), b = panel_b_tests(metric.persons);
    std::string text = "| Panel A: tests by slice | Panel B: tests by person |\n|---|---|\n";
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i)
        text += fmt::format("| {} | {} |\n", i < a.size() ? cell(a[i]) : "", i < b.size() ? cell(b[i]) : "");
    return text;
}

int slices_of(const SliceAnalysis& analysis, const std::string& dataset) {
    for (const auto& cell : analysis.cells)
        if (cell.dataset == dataset) return cell.n;
    return 0;
}

/// "6 persons, EDSR 3 seeds".
/// A method without seeds has the seed 0 alone.
bool has_seeds(const std::vector<std::uint64_t>& seeds) { return seeds.size() > 1 || seeds.front() != 0; }

std::string counts(const PersonAnalysis::Dataset& dataset) {
    std::string text = fmt::format("{} persons", dataset.persons.size());
    for (const auto& method : dataset.methods)
        if (has_seeds(method.seeds))
            text += fmt::format(", {} {} seed{}", method.name, method.seeds.size(),
                                method.seeds.size() == 1 ? "" : "s");
    return text;
}

/// The cells of panel B: difference, p, difference over seeds, bootstrap, corrected t of random splits.
std::string contrast_cells(const MethodContrast& c, int decimals) {
    const std::string difference = mean_and_half_width(c.persons.mean, c.persons.ci95, decimals);
    std::string text = fmt::format(
        " {} | {} |", c.both_exclude_zero() ? "**" + difference + "**" : difference, p_text(c.p_holm));
    text += c.design == SeedDesign::none
                ? " no seeds |"
                : fmt::format(" {} (n = {}) |", mean_and_half_width(c.seeds.mean, c.seeds.ci95, decimals),
                              c.seeds.n);
    text += fmt::format(" {} … {} |", number(c.bootstrap.low, decimals), number(c.bootstrap.high, decimals));
    if (c.splits)
        text += fmt::format(" {}, {} |", mean_and_half_width(c.splits->mean, c.splits->ci95, decimals),
                            p_text(c.splits->p));
    return text;
}

/// A row for each method and each pair of a data set, both panels side by side.
std::string method_table(const Analysis& analysis, const Analysis::MetricResult& metric,
                         const PersonAnalysis::Dataset& dataset) {
    const bool splits = analysis.options.splits.has_value();
    std::string text = fmt::format(
        "| method | A: mean ± comparison half-width (95 % interval of the mean) | B: difference to {} ± 95 %, "
        "over persons | B: p, Holm | B: difference ± 95 %, over seeds | B: bootstrap, 95 % |{}\n|---|---|---|---|---|---|{}\n",
        cell(analysis.options.reference), splits ? " B: over random splits ± 95 %, corrected t |" : "",
        splits ? "---|" : "");
    for (const auto& c : metric.slices.cells) {
        if (c.dataset != dataset.name) continue;
        text += fmt::format("| {} | {} (± {}) |", cell(c.method),
                            mean_and_half_width(c.mean, c.comparison_half_width, metric.decimals, false),
                            number(c.ci95, metric.decimals));
        bool compared = false;
        for (const MethodContrast& contrast : dataset.contrasts)
            if (contrast.method == c.method) {
                text += contrast_cells(contrast, metric.decimals);
                compared = true;
            }
        text += compared ? "\n" : fmt::format(" reference | | | |{}\n", splits ? " |" : "");
    }
    for (const MethodContrast& pair : dataset.pairs)
        text += fmt::format("| {} − {} | |{}\n", cell(pair.method), cell(pair.base),
                            contrast_cells(pair, metric.decimals));
    return text;
}

std::string interaction_lines(const Analysis& analysis, const Analysis::MetricResult& metric) {
    if (!analysis.interaction) return "";
    const InteractionRequest& r = *analysis.interaction;
    std::string text =
        fmt::format("\nRegime × method, ({} − {}) in {} minus that in {}, paired by person:\n\n", r.method,
                    r.base, r.regime_a, r.regime_b);
    for (const Interaction& i : metric.interactions) {
        text += fmt::format("- {}: {} over {} persons, {}", i.dataset,
                            mean_and_half_width(i.persons.mean, i.persons.ci95, metric.decimals), i.persons.n,
                            p_text(i.persons.p));
        if (i.seeds)
            text +=
                fmt::format("; {} over {} seeds",
                            mean_and_half_width(i.seeds->mean, i.seeds->ci95, metric.decimals), i.seeds->n);
        text += "\n";
    }
    return text;
}

}  // namespace

std::string persons_and_seeds(const Analysis& analysis) {
    std::string text;
    for (const auto& dataset : analysis.metrics.front().persons.datasets) {
        std::size_t fewest = 0, most = 0;
        for (const auto& method : dataset.methods) {
            if (!has_seeds(method.seeds)) continue;
            const std::size_t seeds = method.seeds.size();
            fewest = fewest == 0 ? seeds : std::min(fewest, seeds);
            most = std::max(most, seeds);
        }
        text += fmt::format("{}{}: {} persons, {}", text.empty() ? "" : "; ", dataset.name,
                            dataset.persons.size(),
                            most == 0        ? "no seeds"
                            : most == 1      ? "1 seed"
                            : fewest == most ? fmt::format("{} seeds", most)
                                             : fmt::format("{} to {} seeds", fewest, most));
    }
    return text;
}

std::string markdown(const Analysis& analysis) {
    std::string text = fmt::format(
        "# Comparison with {}, scale ×{}{}\n\n"
        "{}. Panel A takes slices as independent observations, as the paper does; they are not. Comparison "
        "intervals are Tukey–Kramer's at 5 %: two means differ where they are disjoint. Panel B is by person, with "
        "slices and seeds averaged. A difference is bold where its intervals over persons and over seeds exclude "
        "0.\n",
        analysis.options.reference, analysis.scale,
        analysis.regime.empty() || analysis.options.splits ? "" : ", regime " + analysis.regime,
        persons_and_seeds(analysis));
    for (const auto& metric : analysis.metrics) {
        text += fmt::format("\n## {}\n\n{}", metric.label, test_table(metric));
        for (const auto& dataset : metric.persons.datasets)
            text += fmt::format(
                "\n### {}: {}, {} slices, {}\n\n{}\n"
                "With {} persons, Wilcoxon's signed-rank test reaches no two-sided p below {:.3g}.\n",
                metric.label, dataset.name, slices_of(metric.slices, dataset.name), counts(dataset),
                method_table(analysis, metric, dataset), dataset.persons.size(), dataset.smallest_wilcoxon_p);
        text += interaction_lines(analysis, metric);
    }
    return text;
}

}  // namespace dnsp::tools
