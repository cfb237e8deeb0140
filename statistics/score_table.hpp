#pragma once

#include <string>
#include <vector>

#include "statistics/scores.hpp"

namespace dnsp::statistics {

/// The scores of one data set. Every method has the same slices of the same persons for each of its seeds. A
/// slice may occur once for each regime.
class DatasetScores {
  public:
    /// Throws Error that names the first missing score.
    DatasetScores(std::string dataset, const std::vector<const Score*>& scores,
                  const std::vector<std::string>& methods);

    const std::string& name() const { return name_; }
    const std::vector<std::string>& persons() const { return persons_; }  ///< sorted
    const std::vector<std::string>& regimes() const { return regimes_; }  ///< sorted
    std::vector<std::uint64_t> seeds(std::size_t method) const;           ///< sorted
    /// Whether the method has other seeds than 0 alone.
    bool is_seeded(std::size_t method) const;

    /// One value for each slice of a person: the mean over the method's seeds and over regimes.
    std::vector<double> slice_values(std::size_t method, Metric metric) const;
    /// One value for each person: the mean over slices, then over regimes, then over the method's seeds.
    std::vector<double> person_values(std::size_t method, Metric metric) const;
    /// One value for each seed: the mean over slices, then over regimes, then over persons.
    std::vector<double> seed_values(std::size_t method, Metric metric) const;
    /// One value for each regime: the mean over slices, then over the persons of the regime, then over seeds.
    std::vector<double> regime_values(std::size_t method, Metric metric) const;
    /// The number of persons in each regime.
    std::vector<std::size_t> persons_per_regime() const;

    /// Whether both have the same slices of the same persons. Regimes are not compared.
    bool same_slices(const DatasetScores& other) const;

  private:
    struct Slice {
        std::size_t person, regime;
        int slice;
        auto operator<=>(const Slice&) const = default;
    };
    struct Seed {
        std::uint64_t seed = 0;
        std::vector<const Score*> scores;  ///< by slice
    };
    std::vector<double> person_values(const Seed& seed, Metric metric) const;
    std::string text(const Slice& slice) const;

    std::string name_;
    std::vector<std::string> persons_, regimes_;
    std::vector<Slice> slices_;             ///< sorted
    std::vector<std::vector<Seed>> seeds_;  ///< by method
};

/// The scores of one scale. It refers to the scores it is made of, which must outlive it.
struct ScoreTable {
    std::vector<std::string> methods;  ///< in the order of the scores
    std::vector<DatasetScores> datasets;
};

/// Throws Error where the scores are incomplete, and names the first missing one. The scores must have one
/// scale, and each occurs once.
ScoreTable make_score_table(const std::vector<Score>& scores);

}  // namespace dnsp::statistics
