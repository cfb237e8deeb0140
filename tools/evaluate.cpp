// evaluate: degrade → upscale → PSNR and SSIM of networks and classical methods.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/atomic_file.hpp"
#include "models/classical/method.hpp"
#include "tools/command_line.hpp"
#include "tools/evaluation.hpp"
#include "tools/figure.hpp"
#include "tools/files.hpp"
#include "tools/progress.hpp"

namespace {

using namespace dnsp;
namespace fs = std::filesystem;

struct Options {
    std::vector<std::string> inputs;
    std::vector<fs::path> weights;
    std::vector<std::string> methods, labels;
    imaging::DegradationSettings degradation;
    tools::EvaluationOptions evaluation;
    Conv2dSettings convolution;
    std::string slices;
    fs::path json, csv, figure;
    bool force = false;
};

/// "A:B" → A, A+1 … B−1.
void parse_slices(const std::string& text, tools::EvaluationOptions& options) {
    if (text.empty()) return;
    const auto colon = text.find(':');
    try {
        require(colon != std::string::npos, "");
        options.first_slice = std::stoi(text.substr(0, colon));
        options.end_slice = std::stoi(text.substr(colon + 1));
        require(*options.first_slice >= 0 && *options.first_slice < *options.end_slice, "");
    } catch (const std::exception&) {
        throw Error("--slices " + text + ": expected FIRST:END, for example 60:90");
    }
}

/// Pictures and volumes of the inputs; folders are searched for both.
std::vector<std::string> find_images(const std::vector<std::string>& inputs) {
    std::vector<std::string> files;
    for (const std::string& input : inputs) {
        if (fs::is_directory(input)) {
            const auto volumes = find_volumes({input});
            files.insert(files.end(), volumes.begin(), volumes.end());
        } else {
            tools::image_kind(input);
            files.push_back(input);
        }
    }
    return files;
}

/// Throws Error if two methods have the same name and seed.
void require_distinct(const std::vector<tools::Method>& methods) {
    std::set<std::pair<std::string, std::uint64_t>> known;
    for (const tools::Method& method : methods)
        require(known.emplace(method.name, method.seed).second,
                fmt::format("{} (seed {}) is given twice; --label names networks apart", method.name,
                            method.seed));
}

/// Throws Error if two files show the same person, because the rows of the CSV file could not be told apart.
void require_distinct_subjects(const std::vector<std::string>& files) {
    std::map<std::string, std::string> known;
    for (const std::string& file : files) {
        const auto [entry, is_new] = known.emplace(tools::subject_of(file), file);
        require(is_new,
                fmt::format("{} and {}: both are of subject {}; with --csv, evaluate them in two runs",
                            entry->second, file, entry->first));
    }
}

int evaluate(Options options, Device device) {
    parse_slices(options.slices, options.evaluation);
    for (const fs::path& output : {options.json, options.csv, options.figure})
        if (!output.empty()) tools::require_free(output, options.force);
    require(options.labels.empty() || options.labels.size() == options.weights.size(),
            "--label must be given once for each --weights");
    apply(options.convolution, device);
    std::vector<tools::Method> networks;
    for (std::size_t i = 0; i < options.weights.size(); ++i)
        networks.push_back(tools::network_method(
            options.weights[i], options.labels.empty() ? std::string() : options.labels[i], device));
    const imaging::Degradation degradation = tools::common_degradation(networks, options.degradation.make());
    std::vector<tools::Method> methods;
    if (options.methods.empty()) methods.push_back(tools::bicubic_method(degradation));
    for (const std::string& text : options.methods)
        methods.push_back(tools::classical_method(text, degradation));
    methods.insert(methods.end(), networks.begin(), networks.end());
    require_distinct(methods);
    const std::vector<std::string> files = find_images(options.inputs);
    if (!options.csv.empty()) require_distinct_subjects(files);
    tools::Evaluation evaluation(methods, degradation, options.evaluation);
    tools::ProgressLine progress;
    for (std::size_t i = 0; i < files.size(); ++i)
        evaluation.add_file(files[i], [&](double fraction) {
            progress.show((static_cast<double>(i) + fraction) / static_cast<double>(files.size()), files[i]);
        });
    progress.clear();
    const tools::Summary summary = evaluation.summary();
    fmt::print("{}", table(summary));
    if (!options.json.empty()) write_atomically(options.json, to_json(summary).dump(2) + "\n");
    if (!options.csv.empty()) write_atomically(options.csv, csv(summary));
    if (!options.figure.empty()) evaluation.draw(options.figure);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    tools::EvaluationOptions& e = options.evaluation;
    CLI::App app(
        "Degrades high-resolution volumes or pictures, enlarges them by every given method and network (default: by "
        "bicubic interpolation), and compares the results with the original. The first network sets the degradation.",
        "evaluate");
    app.add_option("inputs", options.inputs, "high-resolution volumes, pictures, or folders of volumes")
        ->required();
    app.add_option("--method", options.methods,
                   "NAME[:option=value,…]; may be given several times; " + classical::method_help())
        ->allow_extra_args(false);
    app.add_option("--weights", options.weights, "weights or checkpoint; may be given several times");
    app.add_option("--label", options.labels, "name of a network in the table, one per --weights");
    auto* held_out = app.add_flag("--held-out", e.held_out_only,
                                  "only slices that the training of every network held out");
    app.add_option("--slices", options.slices, "FIRST:END, indices along the slice axis")->excludes(held_out);
    app.add_option("--volume", e.volume, "index of the volume in a 4-D file, from 0");
    std::string device = "auto";
    tools::add_device_option(app, device);
    tools::OptionParser parser(app);
    parser.add(e);
    parser.add(options.degradation);
    parser.add(options.convolution);
    app.add_option("--json", options.json, "write the table as JSON");
    app.add_option("--csv", options.csv, "write the metrics of every slice and method as CSV");
    app.add_option("--figure", options.figure,
                   "draw ground truth, results and errors of a middle slice as PNG");
    app.add_flag("--force", options.force, "overwrite existing output");
    return tools::run_tool(app, argc, argv, [&] {
        parser.apply(e);
        parser.apply(options.degradation);
        parser.apply(options.convolution);
        return evaluate(options, tools::choose_device(app, device).device);
    });
}
