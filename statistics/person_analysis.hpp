#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "statistics/contrast.hpp"
#include "statistics/interval.hpp"
#include "statistics/rank_tests.hpp"
#include "statistics/repeated_measures.hpp"
#include "statistics/score_table.hpp"

// Panel B: the analysis by person. A person has one number for each method: the mean over slices, then over
// the method's seeds. Persons of different data sets are different persons.
namespace dnsp::statistics {

/// How a difference over seeds is formed.
enum class SeedDesign {
    none,       ///< neither method has seeds; the difference has no interval over seeds
    one_sided,  ///< one method has seeds: its values minus the other's mean
    paired,     ///< both have the same seeds: paired by seed
    unpaired,   ///< they have different seeds: Welch's test
};

/// A method compared with another: method − base.
struct MethodContrast {
    std::string method, base;
    Contrast persons;              ///< paired by person
    double p_holm = 0.0;           ///< adjusted over the contrasts of the list
    PercentileInterval bootstrap;  ///< over persons
    Contrast seeds;                ///< over seeds, persons averaged
    SeedDesign design = SeedDesign::none;
    std::optional<Contrast> splits;  ///< corrected t over repeated random splits
    /// Whether the interval over persons excludes 0, and so does the one over seeds unless neither method has
    /// seeds.
    bool both_exclude_zero() const;
};

/// Numbers of persons in the random splits whose repetitions are the regimes of the scores.
struct RepeatedSplits {
    int training = 0, test = 0;
};

struct PersonAnalysisOptions {
    std::string reference;                                   ///< every other method is compared with it
    std::vector<std::pair<std::string, std::string>> pairs;  ///< further contrasts: method, base
    std::optional<RepeatedSplits> splits;
    int bootstrap_resamples = 10000;
    std::uint64_t bootstrap_seed = 1;
};

struct PersonAnalysis {
    struct Method {
        std::string name;
        MeanInterval persons;
        std::vector<std::uint64_t> seeds;
    };
    struct Dataset {
        std::string name;
        std::vector<std::string> persons;
        std::vector<std::string> splits;  ///< the repetitions of a random split, if there are
        std::vector<Method> methods;
        RepeatedMeasuresAnova anova;
        Friedman friedman;
        double smallest_wilcoxon_p = 0.0;
        std::vector<MethodContrast> contrasts;  ///< with the reference
        std::vector<MethodContrast> pairs;
    };
    std::vector<Dataset> datasets;
    std::optional<SplitPlotAnova> split_plot;  ///< of several data sets
};

/// Throws Error for an unknown reference or method of a pair, for a data set with one person, for fewer than
/// two methods, and for random splits that are not repeated or whose number of test persons is another than
/// stated.
PersonAnalysis analyse_persons(const ScoreTable& table, Metric metric, const PersonAnalysisOptions& options);

/// The interaction of a method with the regime in one data set: (method − base) in regime A minus that in
/// regime B.
struct Interaction {
    std::string dataset;
    Contrast persons;               ///< paired by person
    std::optional<Contrast> seeds;  ///< paired by seed, if both methods have the same seeds in both regimes
};
/// `a`, `b`: the scores of both methods in the regimes. Throws Error unless they have the same data sets and
/// slices.
std::vector<Interaction> interactions(const ScoreTable& a, const ScoreTable& b, Metric metric,
                                      const std::string& method, const std::string& base);

}  // namespace dnsp::statistics
