#include "tools/evaluation_summary.hpp"

#include <fmt/format.h>

#include "inference/weights_file.hpp"
#include "statistics/csv.hpp"

namespace dnsp::tools {
namespace {

constexpr const char* data_range = "99.9th minus 0.1th percentile of the high-resolution volume";

}  // namespace

std::string table(const Summary& s) {
    std::string text =
        fmt::format("{:<24} {:>18} {:>20} {:>5}\n", "method", "PSNR, dB (±95 %)", "SSIM (±95 %)", "n");
    for (const Summary::Row& row : s.rows)
        text += fmt::format("{:<24} {:>10.3f} ± {:<6.3f} {:>10.4f} ± {:<6.4f} {:>5}\n", row.method,
                            row.psnr_db.mean, row.psnr_db.ci95, row.ssim.mean, row.ssim.ci95, row.psnr_db.n);
    if (s.pairs) {
        text += "after a linear match of each slice to the target:\n";
        for (const Summary::Row& row : s.rows)
            text += fmt::format("{:<24} {:>10.3f} ± {:<6.3f} {:>10.4f} ± {:<6.4f} {:>5}\n", row.method,
                                row.psnr_db_matched.mean, row.psnr_db_matched.ci95, row.ssim_matched.mean,
                                row.ssim_matched.ci95, row.psnr_db_matched.n);
    }
    text +=
        fmt::format("n counts {}s; {} slices; scale ×{}, preset {}; data range: {}; border shave {}\n",
                    s.unit, s.slices, s.degradation.scale, s.degradation.preset, data_range, s.border_shave);
    return text;
}

nlohmann::json to_json(const Summary& s) {
    nlohmann::json methods = nlohmann::json::array();
    for (const Summary::Row& row : s.rows)
        methods.push_back({{"name", row.method},
                           {"psnr_db_mean", row.psnr_db.mean},
                           {"psnr_db_ci95", row.psnr_db.ci95},
                           {"ssim_mean", row.ssim.mean},
                           {"ssim_ci95", row.ssim.ci95},
                           {"n", row.psnr_db.n}});
    if (s.pairs)
        for (std::size_t i = 0; i < s.rows.size(); ++i) {
            const Summary::Row& row = s.rows[i];
            methods[i].update({{"psnr_db_matched_mean", row.psnr_db_matched.mean},
                               {"psnr_db_matched_ci95", row.psnr_db_matched.ci95},
                               {"ssim_matched_mean", row.ssim_matched.mean},
                               {"ssim_matched_ci95", row.ssim_matched.ci95}});
        }
    return {{"convention",
             {{"data_range", data_range},
              {"psnr", "10 log10(data_range^2 / mean squared error), dB, mean of the slices' values"},
              {"ssim", imaging::describe({.border_shave = s.border_shave}, data_range)},
              {"border_shave_pixels", s.border_shave},
              {"slices", s.chosen_slices},
              {"interval", "95 %, Student's t, over the unit"},
              {"unit", s.unit},
              {"slices_total", s.slices},
              {"degradation", imaging::describe(s.degradation)},
              {"normalisation", s.pairs ? pair_normalisation_text : normalisation_text}}},
            {"files", s.files},
            {"methods", methods}};
}

std::string csv(const Summary& summary) {
    std::string text = "dataset,subject,slice,method,scale,regime,seed,psnr_db,ssim";
    text += summary.pairs ? ",psnr_db_matched,ssim_matched\n" : "\n";
    for (const Score& s : summary.scores) {
        text += fmt::format("{},{},{},{},{},{},{},{:.6f},{:.6f}", statistics::csv_field(s.dataset),
                            statistics::csv_field(s.subject), s.slice, statistics::csv_field(s.method),
                            s.scale, statistics::csv_field(s.regime), s.seed, s.psnr_db, s.ssim);
        text += summary.pairs ? fmt::format(",{:.6f},{:.6f}\n", s.psnr_db_matched, s.ssim_matched) : "\n";
    }
    return text;
}

}  // namespace dnsp::tools
