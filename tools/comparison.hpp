#pragma once

#include <array>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "imaging/degradation.hpp"
#include "imaging/image_folder.hpp"
#include "statistics/contrast.hpp"
#include "statistics/interval.hpp"

// Images of any origin beside their references: evaluate --reference.
namespace dnsp::tools {

/// What makes one value of a metric better than another.
enum class Better { higher, lower, nearer_to_one };

struct ComparisonMetric {
    const char* key;         ///< in JSON and CSV
    const char* heading;     ///< in the table
    const char* convention;  ///< one sentence
    Better better;
};
/// psnr_db, ssim2d, ssim3d, nrmse, hfen, gradient_error, power_above_nyquist, consistency. The last two need
/// a model of the acquisition.
inline constexpr std::size_t comparison_metric_count = 8;
extern const std::array<ComparisonMetric, comparison_metric_count> comparison_metrics;

/// A value of each metric; NaN for one that does not apply: ssim3d of a picture and of a volume that is too
/// thin, power_above_nyquist and consistency without an acquisition.
using ComparisonValues = std::array<double, comparison_metric_count>;

struct ComparisonOptions {
    std::string reference;                ///< an image, or a folder of one image a person
    std::vector<std::string> candidates;  ///< NAME=PATH, or PATH; the path is of the kind of `reference`
    std::string mask;                     ///< empty: all voxels count
    int axis = -1;                        ///< of the slices, or of thick slices; −1: default_slice_axis()
    std::optional<int> volume;            ///< of 4-D files
    bool match = false;                   ///< fit a·image + b to the reference first
    std::optional<imaging::Degradation> acquisition;
    std::string subject_of;  ///< regular expression of persons_of()
    imaging::Notice notice;  ///< may be empty
};

struct Comparison {
    struct Candidate {
        std::string name;
        std::vector<std::string> files;  ///< by person
        std::vector<ComparisonValues> per_person;
        std::array<statistics::MeanInterval, comparison_metric_count> means;  ///< over persons
        ComparisonValues median_rank{};                                       ///< 1: the best of a person
    };
    /// A candidate beside the first one.
    struct Pair {
        std::string candidate, base;
        std::size_t metric = 0;
        statistics::Contrast difference;  ///< candidate − base, paired by person
        double wilcoxon_p = 0.0;          ///< exact signed-rank test
        double wilcoxon_p_holm = 0.0;     ///< adjusted over the candidates
    };
    std::vector<std::string> persons, references;
    std::vector<Candidate> candidates;
    std::vector<Pair> paired;  ///< by metric, then by candidate
    ComparisonOptions options;
};

/// Throws Error for two candidates of one name, two references of one person, a reference without a
/// candidate's image, and for images that do not lie on the reference's grid (size; position to 5 % of a
/// voxel); the message names the file. `progress` gets values up to 1.
Comparison compare(const ComparisonOptions& options, const std::function<void(double)>& progress);

std::string table(const Comparison& comparison);
nlohmann::json to_json(const Comparison& comparison);
/// One row per person and candidate: person,candidate,file and the metrics (RFC 4180).
std::string csv(const Comparison& comparison);

}  // namespace dnsp::tools
