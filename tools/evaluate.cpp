// evaluate: degrade → upscale → PSNR and SSIM of networks and classical methods; or finished images beside
// their references.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/atomic_file.hpp"
#include "base/json.hpp"
#include "base/number.hpp"
#include "base/options_json.hpp"
#include "models/classical/method.hpp"
#include "tools/command_line.hpp"
#include "tools/comparison.hpp"
#include "tools/evaluation.hpp"
#include "tools/figure.hpp"
#include "tools/files.hpp"
#include "tools/progress.hpp"
#include "training/person.hpp"

namespace {

using namespace dnsp;
namespace fs = std::filesystem;

struct Options {
    std::vector<std::string> inputs, pairs;
    std::vector<fs::path> weights;
    std::vector<std::string> methods, labels;
    imaging::DegradationSettings degradation;
    tools::EvaluationOptions evaluation;
    tools::ComparisonOptions comparison;
    Conv2dSettings convolution;
    std::string slices, subject_of;
    fs::path json, csv, figure;
    bool force = false;
};

/// "A:B" → A, A+1 … B−1.
void parse_slices(const std::string& text, tools::EvaluationOptions& options) {
    if (text.empty()) return;
    const auto colon = text.find(':');
    options.first_slice = number_of<int>(text.substr(0, colon));
    if (colon != std::string::npos) options.end_slice = number_of<int>(text.substr(colon + 1));
    require(options.first_slice && options.end_slice && *options.first_slice >= 0 &&
                *options.first_slice < *options.end_slice,
            "--slices " + text + ": expected FIRST:END, for example 60:90");
}

/// Pictures and volumes among the inputs, and the volumes of input folders.
std::vector<std::string> find_images(const std::vector<std::string>& inputs) {
    std::vector<std::string> files;
    for (const std::string& input : inputs) {
        if (fs::is_directory(input)) {
            const auto volumes = find_volumes({input}, tools::print_notice);
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

/// Throws Error if two volumes show the same person, because the rows of the CSV file could not be told
/// apart. Pictures of a person are numbered.
void require_distinct_persons(const std::vector<std::string>& files, const Persons& persons) {
    std::map<std::string, std::string> known;
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (tools::image_kind(files[i]) == tools::ImageKind::picture) continue;
        const auto [entry, is_new] = known.emplace(persons.labels[i], files[i]);
        require(
            is_new,
            fmt::format("{} and {}: both are of subject {}; with --csv, evaluate them in two runs, or tell "
                        "them apart with --subject-of",
                        entry->second, files[i], entry->first));
    }
}

/// Throws Error, with --csv, after a file that holds the voxels of another one: their rows could not be told
/// apart.
void require_distinct_content(const Options& options, const tools::Evaluation& evaluation,
                              const std::string& file) {
    require(options.csv.empty() || !evaluation.repeats_content(),
            file + ": holds the same voxels as another input; with --csv, give one of them");
}

/// Says how persons were told apart, if there are several files.
void say_persons(const Persons& persons, tools::Evaluation& evaluation) {
    if (persons.labels.size() > 1) fmt::print("persons are told apart {}\n", persons.basis);
    if (const std::string text = evaluation.unite_persons(persons); !text.empty()) tools::print_notice(text);
}

std::vector<tools::Method> load_networks(const Options& options, Device device) {
    std::vector<tools::Method> networks;
    for (std::size_t i = 0; i < options.weights.size(); ++i)
        networks.push_back(tools::network_method(
            options.weights[i], options.labels.empty() ? std::string() : options.labels[i], device));
    if (options.labels.empty()) tools::tell_names_apart(networks, options.weights);
    return networks;
}

void score_files(const Options& options, tools::Evaluation& evaluation) {
    const std::vector<std::string> files = find_images(options.inputs);
    const Persons persons = persons_of(files, options.subject_of);
    if (!options.csv.empty()) require_distinct_persons(files, persons);
    tools::ProgressLine progress;
    for (std::size_t i = 0; i < files.size(); ++i) {
        evaluation.add_file(files[i], persons.labels[i], [&](double fraction) {
            progress.show((static_cast<double>(i) + fraction) / static_cast<double>(files.size()), files[i]);
        });
        require_distinct_content(options, evaluation, files[i]);
    }
    progress.clear();
    say_persons(persons, evaluation);
}

void score_pairs(const Options& options, tools::Evaluation& evaluation) {
    const std::vector<PairPaths> pairs = find_pairs(options.pairs, "--pairs", tools::print_notice);
    std::vector<std::string> files;
    for (const PairPaths& pair : pairs) files.push_back(pair.high);
    const Persons persons = persons_of(files, options.subject_of);
    if (!options.csv.empty()) require_distinct_persons(files, persons);
    tools::ProgressLine progress;
    std::size_t left_out = 0;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const bool added = evaluation.add_pair(pairs[i], persons.labels[i], [&](double fraction) {
            progress.show((static_cast<double>(i) + fraction) / static_cast<double>(pairs.size()), files[i]);
        });
        left_out += !added;
        require_distinct_content(options, evaluation, files[i]);
    }
    progress.clear();
    require(left_out < pairs.size(), "--pairs: no pair shows the same part of the head");
    if (left_out > 0)
        fmt::print("{} of {} pairs left out, because the low image shows less than {:.0f} % of the head\n",
                   left_out, pairs.size(), 100 * min_view_overlap);
    say_persons(persons, evaluation);
}

/// Checks that options of pairs and of degradation exclude one another.
void require_one_source(const Options& options, const CLI::App& app) {
    require(
        options.inputs.empty() != options.pairs.empty(),
        "expected high-resolution images, or --pairs LOW HIGH, or --reference (--help lists the options)");
    if (options.pairs.empty()) return;
    for (const char* flag : {"--direction", "--preset", "--scale", "--window", "--blur-sigma", "--noise",
                             "--noise-seed", "--noise-free", "--bias-field", "--method"})
        require(app.count(flag) == 0,
                std::string(flag) + " is for degraded images; --pairs are not degraded");
}

/// Checks the options of --reference. Sets those that both modes have.
void complete_comparison(Options& options, const CLI::App& app) {
    tools::ComparisonOptions& comparison = options.comparison;
    if (comparison.reference.empty()) {
        for (const char* flag : {"--candidate", "--mask", "--match"})
            require(app.count(flag) == 0, std::string(flag) + " needs --reference");
        return;
    }
    require(!comparison.candidates.empty(), "--reference needs --candidate NAME=IMAGE");
    require(options.inputs.empty(),
            "--reference compares finished images; inputs are for the degradation of images");
    for (const char* flag :
         {"--pairs", "--method", "--weights", "--label", "--held-out", "--slices", "--slice-step", "--shave",
          "--dataset", "--regime", "--figure", "--noise", "--noise-seed", "--noise-free", "--bias-field",
          "--device", "--conv", "--precision"})
        require(
            app.count(flag) == 0,
            std::string(flag) + " is for degrading and enlarging images, which --reference does not need");
    comparison.notice = tools::print_notice;
    comparison.subject_of = options.subject_of;
    comparison.axis = options.evaluation.axis;
    comparison.volume = options.evaluation.volume;
    if (app.count("--scale") + app.count("--preset") + app.count("--direction") == 0) {
        for (const char* flag :
             {"--window", "--blur-sigma", "--thickness", "--spacing", "--profile", "--profile-file"})
            require(app.count(flag) == 0, std::string(flag) + " needs --scale, or --direction through-plane");
        return;
    }
    options.degradation.through_plane.read_profile();
    comparison.acquisition = options.degradation.make();
    require(!comparison.acquisition->ranges && comparison.acquisition->bias_field == 0.0,
            "--reference: the acquisition is one, without ranges and bias field");
}

void require_free_outputs(const Options& options) {
    std::vector<tools::NamedFile> inputs;
    for (const std::string& file : options.inputs) inputs.push_back({"an input", file});
    for (const fs::path& file : options.weights) inputs.push_back({"--weights", file});
    for (const std::string& file : options.pairs) inputs.push_back({"--pairs", file});
    inputs.push_back({"--reference", options.comparison.reference});
    inputs.push_back({"--mask", options.comparison.mask});
    for (const std::string& text : options.comparison.candidates)
        inputs.push_back({"--candidate", text.substr(text.find('=') + 1)});  // NAME=PATH, or PATH
    tools::require_outputs(inputs,
                           {{"--json", options.json}, {"--csv", options.csv}, {"--figure", options.figure}},
                           options.force);
}

int compare(const Options& options) {
    require_free_outputs(options);
    tools::ProgressLine progress;
    const tools::Comparison comparison = tools::compare(
        options.comparison, [&](double fraction) { progress.show(fraction, options.comparison.reference); });
    progress.clear();
    fmt::print("{}", table(comparison));
    if (!options.json.empty()) write_atomically(options.json, json_text(to_json(comparison), 2) + "\n");
    if (!options.csv.empty()) write_atomically(options.csv, csv(comparison));
    return 0;
}

int evaluate(Options options, Device device) {
    parse_slices(options.slices, options.evaluation);
    require_free_outputs(options);
    require(options.labels.empty() || options.labels.size() == options.weights.size(),
            "--label must be given once for each --weights");
    apply(options.convolution, device);
    options.degradation.through_plane.read_profile();
    const bool pairs = !options.pairs.empty();
    const std::vector<tools::Method> networks = load_networks(options, device);
    const imaging::Degradation degradation =
        pairs ? imaging::make_degradation(imaging::pairs_preset, 1)
              : tools::common_degradation(
                    networks, options.degradation.make(),
                    to_json(options.degradation) != to_json(imaging::DegradationSettings{}));
    std::vector<tools::Method> methods;
    if (options.methods.empty()) methods.push_back(tools::bicubic_method(degradation));
    for (const std::string& text : options.methods)
        methods.push_back(tools::classical_method(text, degradation));
    methods.insert(methods.end(), networks.begin(), networks.end());
    require_distinct(methods);
    options.evaluation.pairs = pairs;
    tools::Evaluation evaluation(methods, degradation, options.evaluation);
    pairs ? score_pairs(options, evaluation) : score_files(options, evaluation);
    const tools::Summary summary = evaluation.summary();
    fmt::print("{}", table(summary));
    if (!options.json.empty()) write_atomically(options.json, json_text(to_json(summary), 2) + "\n");
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
        "bicubic interpolation), and compares the results with the original. The degradation is that of the first network unless options state one.",
        "evaluate");
    app.add_option("inputs", options.inputs, "high-resolution volumes, pictures, or folders of volumes");
    app.add_option(
           "--pairs", options.pairs,
           "LOW HIGH instead of inputs: two folders (or files) of volumes or pictures with the same names, each "
           "pair on one grid; the low image is the input as it is, and scores are also reported after a "
           "linear match of each slice to the high one")
        ->expected(2);
    app.add_option(
        "--subject-of", options.subject_of,
        "regular expression; its first group in a file name, or else in the path, is the person; default: "
        "sub-LABEL, a folder for each person, or the name without words for the contrast");
    tools::ComparisonOptions& c = options.comparison;
    app.add_option(
        "--reference", c.reference,
        "instead of inputs: an image, or a folder of one image a person, with which finished images of any "
        "origin are compared; --scale or --direction through-plane names the acquisition");
    app.add_option(
           "--candidate", c.candidates,
           "--reference: NAME=IMAGE or NAME=FOLDER (names of the reference's images); may be given several "
           "times; the others are compared with the first")
        ->allow_extra_args(false);
    app.add_option("--mask", c.mask, "--reference: image or folder; only voxels that are not 0 count");
    app.add_flag("--match", c.match, "--reference: match intensities linearly to the reference first");
    app.add_option("--method", options.methods,
                   "NAME[:option=value,…]; may be given several times; " + classical::method_help())
        ->allow_extra_args(false);
    app.add_option("--weights", options.weights, "weights or checkpoint; may be given several times");
    app.add_option(
        "--label", options.labels,
        "name of a network in the table, one per --weights; networks of one name differ in their seeds");
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
        tools::complete_degradation(app, options.degradation);
        parser.apply(options.convolution);
        complete_comparison(options, app);
        if (!c.reference.empty()) return compare(options);
        require_one_source(options, app);
        return evaluate(options, tools::choose_device(app, device).device);
    });
}
