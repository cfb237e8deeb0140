// plot_training: draws the curves of a training run from its log.
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "tools/command_line.hpp"
#include "tools/figure.hpp"
#include "tools/files.hpp"

namespace {

using namespace dnsp;
using nlohmann::json;
namespace fs = std::filesystem;

/// Means over `window` points each, which make a curve of single steps readable.
tools::Curve smoothed(const tools::Curve& curve, std::size_t points) {
    tools::Curve out{curve.name, {}, {}};
    const std::size_t window = std::max<std::size_t>(1, curve.x.size() / points);
    for (std::size_t i = 0; i + window <= curve.x.size(); i += window) {
        double sum = 0.0;
        for (std::size_t k = i; k < i + window; ++k) sum += curve.y[k];
        out.x.push_back(curve.x[i + window - 1]);
        out.y.push_back(sum / static_cast<double>(window));
    }
    return out;
}

std::vector<tools::Curve> smoothed_curves(const std::map<std::string, tools::Curve>& curves) {
    std::vector<tools::Curve> out;
    for (const auto& [name, curve] : curves) out.push_back(smoothed(curve, 100));
    return out;
}

int plot(const fs::path& log, const fs::path& png, bool force) {
    std::ifstream in(log);
    require(in.good(), log.string() + ": cannot be opened");
    tools::require_free(png, force);
    std::map<std::string, tools::Curve> terms, norms;
    tools::Curve network{"network", {}, {}}, bicubic{"bicubic", {}, {}};
    double bicubic_psnr = NAN;
    auto add = [](std::map<std::string, tools::Curve>& curves, const std::string& name, double x, double y) {
        tools::Curve& curve = curves[name];
        curve.name = name;
        curve.x.push_back(x);
        curve.y.push_back(std::abs(y));
    };
    for (std::string text; std::getline(in, text);) {
        const json line = json::parse(text, nullptr, false);
        if (line.is_discarded() || !line.contains("event")) continue;
        const double step = line.value("step", 0.0);
        if (line["event"] == "start" || line["event"] == "resume") {
            bicubic_psnr = line["bicubic"]["psnr_db"];
            if (line["event"] == "start") {
                network.x.push_back(step);
                network.y.push_back(line["validation"]["psnr_db"]);
            }
        } else if (line["event"] == "step") {
            for (const auto& [name, value] : line["terms"].items()) add(terms, name, step, value);
            for (const auto& [name, value] : line["gradient_norm"].items()) add(norms, name, step, value);
        } else if (line["event"] == "epoch") {
            network.x.push_back(step);
            network.y.push_back(line["psnr_db"]);
        }
    }
    require(!terms.empty() && std::isfinite(bicubic_psnr), log.string() + ": contains no training steps");
    bicubic.x = {network.x.front(), network.x.back()};
    bicubic.y = {bicubic_psnr, bicubic_psnr};
    tools::draw_charts(
        png, {{"Held-out slices", "step", "PSNR, dB", false, {network, bicubic}},
              {"Loss terms, unweighted (absolute values)", "step", "", true, smoothed_curves(terms)},
              {"Gradient norms, weighted", "step", "", true, smoothed_curves(norms)}});
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    fs::path log, png;
    bool force = false;
    CLI::App app("Draws the held-out score, the loss terms and the gradient norms of a training run.",
                 "plot_training");
    app.add_option("log", log, "log.jsonl of train_dnsp")->required();
    app.add_option("png", png, "picture to write")->required();
    app.add_flag("--force", force, "overwrite an existing picture");
    return tools::run_tool(app, argc, argv, [&] { return plot(log, png, force); });
}
