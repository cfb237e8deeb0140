#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "statistics/person_analysis.hpp"
#include "statistics/slice_analysis.hpp"

namespace dnsp::tools {

/// The method and base whose difference is compared between two regimes.
struct InteractionRequest {
    std::string method, base, regime_a, regime_b;
};

/// Both panels of an analysis of scores.
struct Analysis {
    struct MetricResult {
        std::string key;    ///< in JSON: "psnr_db" or "ssim"
        std::string label;  ///< "PSNR, dB"
        int decimals = 3;
        statistics::SliceAnalysis slices;
        statistics::PersonAnalysis persons;
        std::vector<statistics::Interaction> interactions;
    };
    std::vector<MetricResult> metrics;
    std::vector<std::string> files;
    int scale = 0;
    std::string regime;  ///< of the panels; all for repeated splits
    statistics::PersonAnalysisOptions options;
    std::optional<InteractionRequest> interaction;
};

/// The number of persons of each data set and of seeds of each method, one sentence for captions.
std::string persons_and_seeds(const Analysis& analysis);

nlohmann::ordered_json to_json(const Analysis& analysis);
std::string markdown(const Analysis& analysis);
/// Draws both panels of every metric.
void draw(const Analysis& analysis, const std::filesystem::path& png);

}  // namespace dnsp::tools
