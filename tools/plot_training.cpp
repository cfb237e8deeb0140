// plot_training: draws the curves of a training run, or writes its report.
#include <algorithm>
#include <cmath>

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "tools/command_line.hpp"
#include "tools/figure.hpp"
#include "tools/files.hpp"
#include "tools/report/training.hpp"
#include "training/run_history.hpp"

namespace {

using namespace dnsp;
namespace fs = std::filesystem;

/// Absolute values, as means over windows, which make a curve of single steps readable.
tools::Curve smoothed(const std::string& name, const StepSeries& series) {
    constexpr std::size_t points = 100;
    tools::Curve out{name, {}, {}};
    const std::size_t window = std::max<std::size_t>(1, series.step.size() / points);
    for (std::size_t i = 0; i + window <= series.step.size(); i += window) {
        double sum = 0.0;
        for (std::size_t k = i; k < i + window; ++k) sum += std::abs(series.value[k]);
        out.x.push_back(series.step[i + window - 1]);
        out.y.push_back(sum / static_cast<double>(window));
    }
    return out;
}

std::vector<tools::Curve> smoothed_curves(const std::map<std::string, StepSeries>& all) {
    std::vector<tools::Curve> out;
    for (const auto& [name, series] : all) out.push_back(smoothed(name, series));
    return out;
}

void plot(const fs::path& log, const fs::path& png) {
    const RunHistory run = read_run_history(log);
    require(!run.terms.empty(), log.string() + ": contains no training steps");
    const std::vector<double>& steps = run.psnr_db.step;
    const double input = run.start.at("bicubic").at("psnr_db");
    tools::draw_charts(
        png,
        {{"Held-out slices",
          "step",
          "PSNR, dB",
          false,
          {{"network", steps, run.psnr_db.value}, {"input", {steps.front(), steps.back()}, {input, input}}}},
         {"Loss terms, unweighted (absolute values)", "step", "", true, smoothed_curves(run.terms)},
         {"Gradient norms, weighted", "step", "", true, smoothed_curves(run.term_gradient_norms)}});
}

}  // namespace

int main(int argc, char** argv) {
    fs::path log, png, report;
    bool force = false;
    CLI::App app("Draws the held-out score, the loss terms and the gradient norms of a training run.",
                 "plot_training");
    app.add_option("log", log, "folder of a run of train_dnsp, or its log.jsonl")->required();
    app.add_option("png", png, "picture to write");
    app.add_option("--report", report, "write the page of train_dnsp --report; the run need not have ended");
    app.add_flag("--force", force, "overwrite existing output");
    return tools::run_tool(app, argc, argv, [&] {
        require(!png.empty() || !report.empty(), "nothing to write; name a picture, or give --report");
        if (fs::is_directory(log)) log /= "log.jsonl";
        tools::require_outputs({{"the log", log}}, {{"the picture", png}}, force);
        if (!report.empty()) tools::require_report_path(report, force);
        if (!png.empty()) plot(log, png);
        if (!report.empty()) write_atomically(report, tools::training_report(log));
        return 0;
    });
}
