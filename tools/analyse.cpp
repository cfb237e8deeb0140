// analyse: compares methods from the metrics of slices, by slice as the paper does and by person.
#include <fmt/format.h>

#include <algorithm>

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/warning.hpp"
#include "tools/analysis.hpp"
#include "tools/command_line.hpp"
#include "tools/files.hpp"
#include "tools/score_selection.hpp"

namespace {

using namespace dnsp;
using statistics::Score;
namespace fs = std::filesystem;

enum class Metrics { psnr_db, ssim, both };

struct Options {
    std::vector<fs::path> files;
    tools::ScoreSelection selection;
    Metrics metrics = Metrics::both;
    std::string reference;
    std::vector<std::string> pairs, interaction;
    std::vector<int> splits;
    fs::path json, markdown, figure;
    bool force = false;
    void visit(OptionVisitor& visitor) {
        selection.visit(visitor);
        visitor.option({.key = "metric", .flag = "--metric", .help = "metrics to analyse"}, metrics,
                       {{"psnr_db", Metrics::psnr_db}, {"ssim", Metrics::ssim}, {"both", Metrics::both}});
    }
};

tools::Analysis analysis_of(const Options& options) {
    tools::Analysis analysis;
    for (const fs::path& file : options.files) analysis.files.push_back(file.filename().string());
    analysis.options.reference = options.reference;
    for (std::size_t i = 0; i + 1 < options.pairs.size(); i += 2)
        analysis.options.pairs.emplace_back(options.pairs[i], options.pairs[i + 1]);
    if (!options.splits.empty()) analysis.options.splits = {options.splits[0], options.splits[1]};

    const std::vector<Score> all = statistics::read_scores(options.files);
    tools::ScoreSelection selection = options.selection;
    std::vector<Score> in_a, in_b;
    if (!options.interaction.empty()) {
        const std::vector<std::string>& i = options.interaction;
        analysis.interaction = {i[0], i[1], i[2], i[3]};
        tools::ScoreSelection pair = selection;
        pair.methods = {i[0], i[1]};
        pair.regime = i[2];
        in_a = tools::select(all, pair);
        pair.regime = i[3];
        in_b = tools::select(all, pair);
        if (!selection.regime) selection.regime = i[2];
    }
    const std::vector<Score> scores = tools::select(all, selection, analysis.options.splits.has_value());
    analysis.scale = scores.front().scale;
    analysis.regime = scores.front().regime;
    const statistics::ScoreTable table = statistics::make_score_table(scores);
    const auto add = [&](const char* key, const char* label, int decimals, statistics::Metric metric) {
        analysis.metrics.push_back({key,
                                    label,
                                    decimals,
                                    statistics::analyse_slices(table, metric),
                                    statistics::analyse_persons(table, metric, analysis.options),
                                    {}});
        if (const auto& request = analysis.interaction)
            analysis.metrics.back().interactions = statistics::interactions(
                statistics::make_score_table(in_a), statistics::make_score_table(in_b), metric,
                request->method, request->base);
    };
    if (options.metrics != Metrics::ssim) add("psnr_db", "PSNR, dB", 3, &Score::psnr_db);
    if (options.metrics != Metrics::psnr_db) add("ssim", "SSIM", 4, &Score::ssim);
    return analysis;
}

/// A training's result depends on its seed, so that methods with different seeds differ by chance as well.
void warn_of_different_seeds(const statistics::PersonAnalysis& analysis) {
    for (const auto& dataset : analysis.datasets) {
        const auto seeds_of = [&](const std::string& name) {
            const auto found =
                std::ranges::find(dataset.methods, name, &statistics::PersonAnalysis::Method::name);
            return fmt::format("{}", fmt::join(found->seeds, ", "));
        };
        for (const auto* list : {&dataset.contrasts, &dataset.pairs})
            for (const statistics::MethodContrast& contrast : *list)
                if (contrast.design == statistics::SeedDesign::unpaired)
                    warn(dataset.name,
                         fmt::format("{} has the seeds {} and {} the seeds {}: their difference is "
                                     "between means over different seeds",
                                     contrast.method, seeds_of(contrast.method), contrast.base,
                                     seeds_of(contrast.base)));
    }
}

int analyse(const Options& options) {
    std::vector<tools::NamedFile> inputs;
    for (const fs::path& file : options.files) inputs.push_back({"an input", file});
    tools::require_outputs(
        inputs, {{"--json", options.json}, {"--markdown", options.markdown}, {"--figure", options.figure}},
        options.force);
    const tools::Analysis analysis = analysis_of(options);
    warn_of_different_seeds(analysis.metrics.front().persons);
    const std::string document = tools::markdown(analysis);
    fmt::print("{}", document);
    if (!options.json.empty()) write_atomically(options.json, json_text(to_json(analysis), 2) + "\n");
    if (!options.markdown.empty()) write_atomically(options.markdown, document);
    if (!options.figure.empty()) draw(analysis, options.figure);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Compares methods from the metrics of slices: panel A takes slices as independent, as the paper does; panel B "
        "is by person. The files are CSV with the columns dataset, subject, slice, method, scale, regime, seed, "
        "psnr_db and ssim.",
        "analyse");
    app.add_option("scores", options.files, "CSV files, which are read as one")->required();
    app.add_option("--reference", options.reference, "method with which every other one is compared")
        ->required();
    app.add_option("--pair", options.pairs, "METHOD BASE: a further difference; may be given several times")
        ->type_size(2)
        ->type_name("TEXT TEXT");
    tools::OptionParser parser(app);
    parser.add(options);
    app.add_option("--scale", options.selection.scale, "analyse this scale; needed if there are several");
    auto* regime = app.add_option("--regime", options.selection.regime,
                                  "analyse this regime; needed if there are several");
    auto* splits =
        app.add_option(
               "--repeated-splits", options.splits,
               "TRAINING TEST: regimes are repetitions of a random split into so many persons; adds Nadeau "
               "and Bengio's corrected t")
            ->expected(2)
            ->check(CLI::PositiveNumber)
            ->excludes(regime);
    app.add_option(
           "--interaction", options.interaction,
           "METHOD BASE REGIME_A REGIME_B: adds (METHOD − BASE) in A minus that in B, by person; the panels "
           "analyse A unless --regime is given")
        ->expected(4)
        ->excludes(splits);
    app.add_option("--json", options.json, "write the analysis as JSON");
    app.add_option("--markdown", options.markdown, "write the analysis as Markdown");
    app.add_option("--figure", options.figure, "draw both panels as PNG");
    app.add_flag("--force", options.force, "overwrite existing output");
    return tools::run_tool(app, argc, argv, [&] {
        parser.apply(options);
        return analyse(options);
    });
}
