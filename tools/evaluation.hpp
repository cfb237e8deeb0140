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
#include "training/person.hpp"

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
    std::string regime = "all";  ///< column of the CSV file
    /// Declares axis, slice_step, border_shave, dataset and regime. The tool sets the others.
    void visit(OptionVisitor& visitor);
};

/// `given` if the user stated it or there is no network, else the degradation of the first network. Throws
/// Error unless all networks were trained for its scale and direction, and for a network that was trained on
/// real pairs.
imaging::Degradation common_degradation(const std::vector<Method>& methods, const imaging::Degradation& given,
                                        bool stated);

/// Scores all methods on the same slices.
class Evaluation {
  public:
    Evaluation(std::vector<Method> methods, imaging::Degradation degradation, EvaluationOptions options);

    /// Scores a picture, or the slices of a volume that show the head. `person`: its label (persons_of()). A
    /// picture's slice number is its number among the pictures of its person. `progress` gets values up to 1.
    void add_file(const std::string& path, const std::string& person,
                  const std::function<void(double)>& progress);

    /// Scores a real pair (training/pairs.hpp), also after a linear match of the result to the target.
    /// Returns false if the low image shows too little of the head.
    bool add_pair(const PairPaths& paths, const std::string& person,
                  const std::function<void(double)>& progress);

    /// True if two files have equal content.
    bool repeats_content() const;

    /// Call it after the last file. Files of equal content become one person, as unite_equal_content() says,
    /// whose text it returns. `persons`: those of all files.
    std::string unite_persons(Persons persons);

    /// The confidence intervals are over persons if there are several, else over slices.
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
    void add_subject(Subject subject, const std::string& person, bool is_volume,
                     const std::function<void(double)>& progress);
    std::size_t persons() const;
    std::vector<int> chosen_slices(const Subject& subject) const;
    statistics::MeanInterval interval(std::size_t method, double Score::*metric) const;

    std::vector<Method> methods_;
    imaging::Degradation degradation_;
    EvaluationOptions options_;
    std::vector<std::string> files_;
    std::vector<Score> scores_;
    std::map<std::string, int> pictures_;         ///< added so far, by person
    std::vector<std::string> labels_, contents_;  ///< of files_
    std::optional<Example> example_;
};

}  // namespace dnsp::tools
