#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace dnsp {

/// Values over steps. A value that is not finite is NaN.
struct StepSeries {
    std::vector<double> step, value;
    void add(double at, double x) {
        step.push_back(at);
        value.push_back(x);
    }
};

/// What log.jsonl tells of a run, over all resumptions.
struct RunHistory {
    nlohmann::json start;  ///< the last line "start" or "resume"
    std::vector<std::int64_t> resumed_at;
    std::int64_t step = 0;         ///< the last one that was logged
    bool ended = false;            ///< the last process said at which step it ended
    double seconds = 0.0;          ///< of training and validation; without what a killed process did not log
    std::int64_t timed_steps = 0;  ///< in these seconds
    std::string no_graph_reason;

    StepSeries loss, learning_rate;
    StepSeries psnr_db, ssim;  ///< of the held-out slices, first that at the start
    std::map<std::string, StepSeries> terms, term_gradient_norms;  ///< by term, as logged
    std::map<std::string, StepSeries> parameter_gradient_norms;    ///< by parameter group
    /// PSNR of each sample, by the step of its picture (training/sample_pictures.hpp).
    std::map<std::int64_t, std::vector<double>> sample_psnr_db;
};

/// Incomplete lines are left out. Throws Error("path: reason") for a file that is no log of a run.
RunHistory read_run_history(const std::filesystem::path& log);

}  // namespace dnsp
