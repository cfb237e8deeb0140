#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "imaging/degradation.hpp"
#include "imaging/metrics.hpp"
#include "statistics/interval.hpp"

namespace dnsp::tools {

/// The metrics of one method on one slice.
struct Score {
    std::string file;
    std::string dataset, subject;
    int slice = 0;
    std::string method;
    int scale = 0;
    std::string regime;
    std::uint64_t seed = 0;
    double psnr_db = 0.0, ssim = 0.0;
    double psnr_db_matched = 0.0, ssim_matched = 0.0;  ///< pairs: after imaging::linear_match()
};

/// The result of an evaluation and its conventions.
struct Summary {
    struct Row {
        std::string method;
        std::uint64_t seed = 0;
        statistics::MeanInterval psnr_db, ssim;
        statistics::MeanInterval psnr_db_matched, ssim_matched;  ///< pairs
    };
    std::vector<Row> rows;      ///< one per method
    std::vector<Score> scores;  ///< one per slice and method
    std::vector<std::string> files;
    std::string unit;  ///< of the intervals: "person" (mean over its slices), or "slice"
    std::size_t slices = 0;
    std::string chosen_slices;  ///< "all that show the head"
    int border_shave = 0;
    imaging::Degradation degradation;
    bool pairs = false;  ///< of real pairs: with the scores after a linear match
};

std::string table(const Summary& summary);
nlohmann::json to_json(const Summary& summary);
/// One row per slice and method: dataset,subject,slice,method,scale,regime,seed,psnr_db,ssim (RFC 4180);
/// pairs add psnr_db_matched,ssim_matched.
std::string csv(const Summary& summary);

}  // namespace dnsp::tools
