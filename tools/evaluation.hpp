#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "imaging/metrics.hpp"
#include "tools/evaluation_summary.hpp"
#include "tools/method.hpp"
#include "training/pairs.hpp"

namespace dnsp::tools {

struct EvaluationOptions {
    int axis = -1;
    int slice_step = 1;
    std::optional<int> first_slice, end_slice;
    bool held_out_only = false;
    std::optional<int> volume;
    int border_shave = 0;
    std::string dataset;         ///< column of the CSV file; empty: the name of the file's folder
    bool pairs = false;          ///< add_pair() instead of add_file()
    std::string subject_of;      ///< pairs: regular expression of dnsp::person_of()
    std::string regime = "all";  ///< column of the CSV file
    /// Declares axis, slice_step, border_shave, dataset and regime. The tool sets the others.
    void visit(OptionVisitor& visitor);
};

/// `given` if the user stated it or there is no network, else the degradation of the first network. Throws
/// Error unless all networks were trained for its scale and direction, and for a network that was trained on
/// real pairs.
imaging::Degradation common_degradation(const std::vector<Method>& methods, const imaging::Degradation& given,
                                        bool stated);

/// The person that a file shows: the BIDS entity "sub-…" at the start of the file name if there is one, else
/// the file name without its extension.
std::string subject_of(const std::string& path);

/// Scores all methods on the same slices.
class Evaluation {
  public:
    Evaluation(std::vector<Method> methods, imaging::Degradation degradation, EvaluationOptions options);

    /// Scores a picture, or the slices of a volume that show the head. `progress` gets values up to 1.
    void add_file(const std::string& path, const std::function<void(double)>& progress);

    /// Scores a real pair (training/pairs.hpp), also after a linear match of the result to the target. A
    /// picture's slice number is its number among the pictures of its person. Returns false if the low image
    /// shows too little of the head.
    bool add_pair(const PairPaths& paths, const std::function<void(double)>& progress);

    /// The confidence intervals are over files (pairs: persons) if there are several, else over slices.
    Summary summary() const;

    /// Draws ground truth, the result of every method and its absolute error for the middle slice of the
    /// first file, each with a detail.
    void draw(const std::filesystem::path& png) const;

  private:
    struct Example {
        imaging::Image target;
        std::vector<imaging::Image> results;
        imaging::Normalisation range;
        std::string title;
        bool is_volume = true;
    };
    void add_subject(const Subject& subject, const std::string& person, bool is_volume,
                     const std::function<void(double)>& progress);
    /// What intervals count: the file, or the person of pairs.
    const std::string& unit_of(const Score& score) const {
        return options_.pairs ? score.subject : score.file;
    }
    std::size_t units() const;
    std::vector<int> chosen_slices(const Subject& subject) const;
    statistics::MeanInterval interval(std::size_t method, double Score::*metric) const;

    std::vector<Method> methods_;
    imaging::Degradation degradation_;
    EvaluationOptions options_;
    std::vector<std::string> files_;
    std::vector<Score> scores_;
    std::map<std::string, int> pictures_;  ///< added so far, by person
    std::optional<Example> example_;
};

}  // namespace dnsp::tools
