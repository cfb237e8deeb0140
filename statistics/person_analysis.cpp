#include "statistics/person_analysis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.hpp"

namespace dnsp::statistics {
namespace {

std::size_t index_of(const ScoreTable& table, const std::string& method) {
    const auto found = std::find(table.methods.begin(), table.methods.end(), method);
    require(found != table.methods.end(),
            fmt::format("there is no method {}; the scores have {}", method, fmt::join(table.methods, ", ")));
    return static_cast<std::size_t>(found - table.methods.begin());
}

std::vector<double> differences(std::vector<double> a, const std::vector<double>& b) {
    std::transform(a.begin(), a.end(), b.begin(), a.begin(), std::minus<>());
    return a;
}

/// The contrasts of one data set.
class Contrasts {
  public:
    Contrasts(const ScoreTable& table, const DatasetScores& dataset, Metric metric,
              const PersonAnalysisOptions& options)
        : table_(table), dataset_(dataset), metric_(metric), options_(options) {}

    /// Holm's adjustment is over the list.
    std::vector<MethodContrast> of(const std::vector<std::pair<std::string, std::string>>& pairs) const {
        std::vector<MethodContrast> contrasts;
        std::vector<double> p_values;
        for (const auto& [method, base] : pairs) {
            contrasts.push_back(contrast(method, base));
            p_values.push_back(contrasts.back().persons.p);
        }
        const std::vector<double> adjusted = holm(p_values);
        for (std::size_t i = 0; i < contrasts.size(); ++i) contrasts[i].p_holm = adjusted[i];
        return contrasts;
    }

  private:
    MethodContrast contrast(const std::string& method, const std::string& base) const {
        const std::size_t m = index_of(table_, method), b = index_of(table_, base);
        require(m != b, fmt::format("method {} is compared with itself", method));
        MethodContrast result;
        result.method = method;
        result.base = base;
        const std::vector<double> values = dataset_.person_values(m, metric_),
                                  base_values = dataset_.person_values(b, metric_);
        result.persons = paired_contrast(values, base_values);
        result.bootstrap = bootstrap_interval(differences(values, base_values), options_.bootstrap_resamples,
                                              options_.bootstrap_seed);
        add_seeds(m, b, result);
        if (options_.splits)
            result.splits = corrected_resampled_contrast(
                differences(dataset_.regime_values(m, metric_), dataset_.regime_values(b, metric_)),
                options_.splits->training, options_.splits->test);
        return result;
    }
    void add_seeds(std::size_t m, std::size_t b, MethodContrast& result) const {
        std::vector<double> values = dataset_.seed_values(m, metric_),
                            base_values = dataset_.seed_values(b, metric_);
        const bool seeded = dataset_.is_seeded(m), base_seeded = dataset_.is_seeded(b);
        if (!seeded && !base_seeded) {
            result.design = SeedDesign::none;
            result.seeds = paired_contrast(values, base_values);
            result.seeds.n = 0;
        } else if (seeded != base_seeded) {
            result.design = SeedDesign::one_sided;
            values.resize(std::max(values.size(), base_values.size()), values.front());
            base_values.resize(values.size(), base_values.front());
            result.seeds = paired_contrast(values, base_values);
        } else if (dataset_.seeds(m) == dataset_.seeds(b)) {
            result.design = SeedDesign::paired;
            result.seeds = paired_contrast(values, base_values);
        } else {
            result.design = SeedDesign::unpaired;
            result.seeds = welch_contrast(values, base_values);
        }
    }

    const ScoreTable& table_;
    const DatasetScores& dataset_;
    Metric metric_;
    const PersonAnalysisOptions& options_;
};

void require_splits(const DatasetScores& dataset, const RepeatedSplits& splits) {
    const std::vector<std::size_t> counts = dataset.persons_per_regime();
    require(
        counts.size() >= 2,
        fmt::format("data set {} has one random split; the corrected t needs two or more", dataset.name()));
    for (std::size_t r = 0; r < counts.size(); ++r)
        require(counts[r] == static_cast<std::size_t>(splits.test),
                fmt::format("split {} of data set {} tests {} persons, not {}", dataset.regimes()[r],
                            dataset.name(), counts[r], splits.test));
}

/// The persons' values of all methods.
PersonTable person_table(const ScoreTable& table, const DatasetScores& dataset, Metric metric) {
    PersonTable rows(dataset.persons().size());
    for (std::size_t m = 0; m < table.methods.size(); ++m) {
        const std::vector<double> values = dataset.person_values(m, metric);
        for (std::size_t p = 0; p < values.size(); ++p) rows[p].push_back(values[p]);
    }
    return rows;
}

bool excludes_zero(const Contrast& contrast) { return std::abs(contrast.mean) > contrast.ci95; }

}  // namespace

bool MethodContrast::both_exclude_zero() const {
    return excludes_zero(persons) && (design == SeedDesign::none || excludes_zero(seeds));
}

PersonAnalysis analyse_persons(const ScoreTable& table, Metric metric, const PersonAnalysisOptions& options) {
    index_of(table, options.reference);
    require(table.methods.size() >= 2, "the analysis needs two methods or more");
    std::vector<std::pair<std::string, std::string>> with_reference;
    for (const std::string& method : table.methods)
        if (method != options.reference) with_reference.emplace_back(method, options.reference);
    PersonAnalysis result;
    std::vector<PersonTable> tables;
    for (const DatasetScores& scores : table.datasets) {
        require(scores.persons().size() >= 2,
                fmt::format("data set {} has one person; the analysis by person needs two or more",
                            scores.name()));
        if (options.splits) require_splits(scores, *options.splits);
        tables.push_back(person_table(table, scores, metric));
        PersonAnalysis::Dataset dataset;
        dataset.name = scores.name();
        dataset.persons = scores.persons();
        if (options.splits) dataset.splits = scores.regimes();
        for (std::size_t m = 0; m < table.methods.size(); ++m)
            dataset.methods.push_back(
                {table.methods[m], mean_and_interval(scores.person_values(m, metric)), scores.seeds(m)});
        dataset.anova = repeated_measures_anova(tables.back());
        dataset.friedman = friedman_test(tables.back());
        dataset.smallest_wilcoxon_p = smallest_wilcoxon_p(static_cast<int>(scores.persons().size()));
        const Contrasts contrasts(table, scores, metric, options);
        dataset.contrasts = contrasts.of(with_reference);
        dataset.pairs = contrasts.of(options.pairs);
        result.datasets.push_back(std::move(dataset));
    }
    if (tables.size() > 1) result.split_plot = split_plot_anova(tables);
    return result;
}

std::vector<Interaction> interactions(const ScoreTable& a, const ScoreTable& b, Metric metric,
                                      const std::string& method, const std::string& base) {
    const std::size_t method_a = index_of(a, method), base_a = index_of(a, base);
    const std::size_t method_b = index_of(b, method), base_b = index_of(b, base);
    std::vector<Interaction> result;
    for (const DatasetScores& in_a : a.datasets) {
        const auto in_b = std::find_if(b.datasets.begin(), b.datasets.end(),
                                       [&](const DatasetScores& d) { return d.name() == in_a.name(); });
        require(in_b != b.datasets.end() && a.datasets.size() == b.datasets.size(),
                "the two regimes of the interaction have different data sets");
        require(in_a.same_slices(*in_b),
                fmt::format("the two regimes of the interaction have different slices of data set {}",
                            in_a.name()));
        const auto gain_a =
            differences(in_a.person_values(method_a, metric), in_a.person_values(base_a, metric));
        const auto gain_b =
            differences(in_b->person_values(method_b, metric), in_b->person_values(base_b, metric));
        Interaction interaction{in_a.name(), paired_contrast(gain_a, gain_b), {}};
        const std::vector<std::uint64_t> seeds = in_a.seeds(method_a);
        if (in_a.is_seeded(method_a) && seeds == in_a.seeds(base_a) && seeds == in_b->seeds(method_b) &&
            seeds == in_b->seeds(base_b))
            interaction.seeds = paired_contrast(
                differences(in_a.seed_values(method_a, metric), in_a.seed_values(base_a, metric)),
                differences(in_b->seed_values(method_b, metric), in_b->seed_values(base_b, metric)));
        result.push_back(std::move(interaction));
    }
    return result;
}

}  // namespace dnsp::statistics
