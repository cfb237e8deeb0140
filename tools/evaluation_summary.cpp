#include "tools/evaluation_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/counted.hpp"
#include "inference/weights_file.hpp"
#include "statistics/csv.hpp"

namespace dnsp::tools {
namespace {

constexpr const char* data_range = "99.9th minus 0.1th percentile of the high-resolution volume";

/// The half-width of an interval; nothing if there is none.
std::string plus_minus(double half_width, const char* format) {
    return std::isnan(half_width) ? "" : "± " + fmt::format(fmt::runtime(format), half_width);
}

std::string line(const std::string& label, const statistics::MeanInterval& psnr_db,
                 const statistics::MeanInterval& ssim) {
    return fmt::format("{:<24} {:>10.3f} {:<8} {:>10.4f} {:<8} {:>5}\n", label, psnr_db.mean,
                       plus_minus(psnr_db.ci95, "{:.3f}"), ssim.mean, plus_minus(ssim.ci95, "{:.4f}"),
                       psnr_db.n);
}

/// The name of a method, with its seed if another one has the same name.
std::string label_of(const Summary::Row& row, const std::vector<Summary::Row>& rows) {
    const auto same = std::count_if(rows.begin(), rows.end(),
                                    [&](const Summary::Row& other) { return other.method == row.method; });
    return same == 1 ? row.method : fmt::format("{}, seed {}", row.method, row.seed);
}

}  // namespace

std::string table(const Summary& s) {
    std::string text =
        fmt::format("{:<24} {:>18} {:>20} {:>5}\n", "method", "PSNR, dB (±95 %)", "SSIM (±95 %)", "n");
    for (const Summary::Row& row : s.rows) text += line(label_of(row, s.rows), row.psnr_db, row.ssim);
    if (s.pairs) {
        text += "after a linear match of each slice to the target:\n";
        for (const Summary::Row& row : s.rows)
            text += line(label_of(row, s.rows), row.psnr_db_matched, row.ssim_matched);
    }
    if (!s.rows.empty() && s.rows.front().psnr_db.n == 1) text += "one " + s.unit + ": no interval; ";
    text += fmt::format("n counts {}s; {}; scale ×{}, preset {}; data range: {}; border shave {}\n", s.unit,
                        counted(s.slices, "slice"), s.degradation.scale, s.degradation.preset, data_range,
                        s.border_shave);
    return text;
}

nlohmann::json to_json(const Summary& s) {
    nlohmann::json methods = nlohmann::json::array();
    for (const Summary::Row& row : s.rows)
        methods.push_back({{"name", row.method},
                           {"seed", row.seed},
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
