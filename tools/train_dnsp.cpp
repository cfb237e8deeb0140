// train_dnsp: trains a network under the priors of the paper.
#include <fmt/format.h>

#include <optional>

#include "base/atomic_file.hpp"
#include "base/options_json.hpp"
#include "inference/shipped_weights.hpp"
#include "tools/command_line.hpp"
#include "tools/progress.hpp"
#include "tools/report/training.hpp"
#include "training/pairs.hpp"
#include "training/recipes.hpp"
#include "training/trainer.hpp"

namespace {

using namespace dnsp;
namespace fs = std::filesystem;

constexpr const char* checkpoint_name = "checkpoint.safetensors";

struct Options {
    TrainingSettings settings;
    std::optional<TrainingSettings> recorded;  ///< settings of the checkpoint to resume from
    fs::path checkpoint;                       ///< empty for a new run
    std::optional<InitialNetwork> initial;     ///< of --init
    fs::path out = "run";
    fs::path report;  ///< empty: none
    bool force = false;
    Execution execution;
};

/// Throws Error if a setting that may not change on resume differs from the checkpoint.
void require_recorded_settings(const Options& options) {
    TrainingSettings recorded = *options.recorded;
    // Checkpoints of 0.1.0 do not say how convolutions were computed.
    if (recorded.convolution.precision.empty()) recorded.convolution = options.settings.convolution;
    if (const auto change = change_on_resume(recorded, options.settings))
        throw Error(fmt::format("{}: was trained with {} = {}, not {}; a resumed run cannot change it",
                                options.checkpoint.string(), change->key, change->recorded, change->given));
}

/// Reads the network of --init and takes its architecture over. Throws Error that names an option of the
/// command line that contradicts it.
InitialNetwork take_initial_network(TrainingSettings& settings, const CLI::App& app,
                                    const tools::OptionParser& parser) {
    TrainingSettings given;  // the options of the command line alone, without those of a recipe
    parser.apply(given);
    const auto is_given = [&](const std::string& flag) { return app.count(flag) > 0; };
    InitialNetwork initial = read_initial_network(
        find_weights(settings.init, shipped_weights_folder(), "--init"), given.model, is_given);
    settings.model = initial.model;
    parser.apply(settings);
    const auto by_flag = [](const ModelOptions& model) {
        return to_json(model, OptionSelection::all, OptionNames::flags);
    };
    if (const auto change = first_difference(by_flag(initial.model), by_flag(settings.model)))
        throw Error(fmt::format("{} {}: contradicts --init {}, which has {}; leave {} out", change->key,
                                change->given, initial.path.string(), change->recorded, change->key));
    settings.init = initial.path.filename().string();
    settings.init_sha256 = initial.sha256;
    return initial;
}

std::vector<Subject> load_subjects(const std::vector<std::string>& inputs, const TrainingSettings& settings,
                                   InputFeatures features, tools::ProgressLine& progress) {
    std::vector<Subject> subjects;
    const auto paths = find_volumes(inputs);
    for (const std::string& path : paths) {
        progress.show(static_cast<double>(subjects.size()) / static_cast<double>(paths.size()),
                      "reading " + path);
        subjects.push_back(load_subject(path, settings.degradation.make(), settings.axis, features));
    }
    progress.clear();
    return subjects;
}

std::vector<Subject> load_pairs(const std::vector<std::string>& low_and_high, const std::string& option,
                                const TrainingSettings& settings, tools::ProgressLine& progress) {
    std::vector<Subject> subjects;
    std::string left_out;
    const auto pairs = find_pairs(low_and_high, option);
    for (const PairPaths& pair : pairs) {
        progress.show(static_cast<double>(subjects.size()) / static_cast<double>(pairs.size()),
                      "reading " + pair.high);
        Subject subject = load_pair(pair, settings.axis);
        subject.person = person_of(pair.high, settings.subject_of);
        if (subject.slices.empty())
            left_out += (left_out.empty() ? "" : ", ") + fs::path(pair.high).filename().string();
        else
            subjects.push_back(std::move(subject));
    }
    progress.clear();
    if (!left_out.empty())
        fmt::print("left out, because the low image shows less than {:.0f} % of the head: {}\n",
                   100 * min_view_overlap, left_out);
    require(!subjects.empty(), option + ": no pair shows the same part of the head");
    return subjects;
}

/// Checks that the options of pairs and of degradation exclude one another, and sets the degradation of
/// pairs.
void choose_source(TrainingSettings& settings, const CLI::App& app) {
    if (settings.pairs.empty()) {
        for (const char* flag : {"--validation-pairs", "--subject-of"})
            require(app.count(flag) == 0, std::string(flag) + " needs --pairs");
        require(settings.degradation.preset != imaging::pairs_preset,
                fmt::format("--preset {}: is for --pairs, which sets it", imaging::pairs_preset));
        return;
    }
    require(settings.inputs.empty() && settings.validation.empty(),
            "--pairs takes the place of other volumes; --validation-pairs holds pairs out");
    for (const char* flag : {"--direction", "--preset", "--scale", "--window", "--blur-sigma", "--noise",
                             "--noise-seed", "--noise-free", "--bias-field"})
        require(app.count(flag) == 0, std::string(flag) + " degrades volumes; --pairs are not degraded");
    settings.degradation = {};
    settings.degradation.preset = imaging::pairs_preset;
    settings.degradation.scale = 1;
}

Split load_split(const TrainingSettings& settings, InputFeatures features, tools::ProgressLine& progress) {
    if (!settings.pairs.empty()) {
        require(features == InputFeatures::intensity,
                settings.model.name + ": reads tissue labels, which --pairs do not have");
        std::vector<Subject> subjects = load_pairs(settings.pairs, "--pairs", settings, progress);
        return settings.validation_pairs.empty()
                   ? split_subjects(std::move(subjects), settings.seed)
                   : split_by_user(std::move(subjects), load_pairs(settings.validation_pairs,
                                                                   "--validation-pairs", settings, progress));
    }
    std::vector<Subject> subjects = load_subjects(settings.inputs, settings, features, progress);
    return settings.validation.empty()
               ? split_subjects(std::move(subjects), settings.seed)
               : split_by_user(std::move(subjects),
                               load_subjects(settings.validation, settings, features, progress));
}

std::string terms_text(const TrainingProgress& p) {
    std::string text = fmt::format("loss {:.1e}", p.loss);
    for (const auto& term : p.terms) text += fmt::format("  {} {:.1e}", term.name, term.weight * term.value);
    return text;
}

class Watcher {
  public:
    explicit Watcher(tools::ProgressLine& line) : line_(line) {}
    void operator()(const TrainingProgress& p) {
        if (!p.no_graph_reason.empty() && !explained_) {
            line_.clear();
            fmt::print("steps do not run as a graph: {}\n", p.no_graph_reason);
            explained_ = true;
        }
        const double left =
            p.steps_per_second > 0 ? static_cast<double>(p.total_steps - p.step) / p.steps_per_second : 0.0;
        if (line_.on_terminal())
            line_.show(static_cast<double>(p.step) / static_cast<double>(p.total_steps),
                       fmt::format("epoch {}/{} {:.1f} it/s PSNR {:.2f} dB {} left  {}", p.epoch + 1,
                                   p.epochs, p.steps_per_second, p.validation.psnr_db,
                                   tools::duration_text(left), terms_text(p)));
        else if (p.epoch != reported_epoch_ || p.step == p.total_steps)
            fmt::print("epoch {}/{}  step {}  {:.1f} it/s  {}  PSNR {:.2f} dB\n", p.epoch + 1, p.epochs,
                       p.step, p.steps_per_second, terms_text(p), p.validation.psnr_db);
        reported_epoch_ = p.epoch;
        std::fflush(stdout);
    }

  private:
    tools::ProgressLine& line_;
    std::int64_t reported_epoch_ = -1;
    bool explained_ = false;
};

void write_report(const Options& options) {
    if (options.report.empty()) return;
    write_atomically(options.report, tools::training_report(options.out / "log.jsonl"));
    fmt::print("report: {}\n", options.report.string());
}

/// Trains, and writes the report after the last step, after an interruption and after an error.
bool run(Trainer& trainer, const Options& options, tools::ProgressLine& progress) {
    bool finished = false;
    try {
        finished = trainer.run(Watcher(progress), tools::interrupted);
    } catch (const std::exception&) {
        progress.clear();
        try {
            write_report(options);
        } catch (const std::exception& error) {
            fmt::print(stderr, "no report: {}\n", error.what());
        }
        throw;
    }
    progress.clear();
    write_report(options);
    return finished;
}

int train(Options options, const DeviceChoice& device, const std::string& command) {
    TrainingSettings& settings = options.settings;
    settings.convolution = apply(settings.convolution, device.device);
    settings.degradation.through_plane.read_profile();
    if (options.recorded) require_recorded_settings(options);
    fmt::print("device: {}\n", device.reason);
    require(!settings.inputs.empty() || !settings.pairs.empty(),
            "no volume was given (--help lists the options)");
    require(options.recorded || options.force || !fs::exists(options.out / checkpoint_name),
            fmt::format("{}: already contains a run; --resume continues it, --force starts anew",
                        (options.out / checkpoint_name).string()));
    ParameterStore probe;  // finds wrong names and options before any volume is read
    const InputFeatures features = make_model(settings.model, probe)->input_features();
    const Objective unused(settings.objective, probe);
    if (!options.recorded) {
        require_options_used(settings.model.own, "--model " + settings.model.name);
        require_options_used(settings.objective.terms, "--prior " + settings.objective.variant);
        require_weights_used(settings.objective);
    }
    fs::create_directories(options.out);
    // A resumed run continues its report.
    if (!options.report.empty())
        tools::require_report_path(options.report, options.force || options.recorded.has_value());

    tools::ProgressLine progress;
    Split split = load_split(settings, features, progress);
    fmt::print("{}\n", split.description);

    if (options.initial)
        fmt::print("starts from {}, {}\n", options.initial->path.string(), options.initial->description);
    Trainer trainer(settings, std::move(split), device.device, options.out, command, options.checkpoint,
                    options.execution, options.initial ? &*options.initial : nullptr);
    const imaging::Degradation degradation = settings.degradation.make();
    const std::string input = degradation.scale == 1 && !degradation.through_plane ? "the input" : "bicubic";
    fmt::print(
        "{}: {} parameters; {} slices, {} steps an epoch; {} on the held-out slices {:.2f} dB, SSIM {:.4f}\n",
        settings.model.name, trainer.parameters(), trainer.sampler().slices(),
        trainer.sampler().steps_per_epoch(), input, trainer.bicubic().psnr_db, trainer.bicubic().ssim);
    tools::catch_interrupts();
    if (!run(trainer, options, progress)) {
        fmt::print("interrupted, checkpoint saved; continue with: train_dnsp --resume --out {}\n",
                   options.out.string());
        return 130;
    }
    fmt::print("held-out slices: {:.2f} dB, SSIM {:.4f} ({:+.2f} dB over {}); weights in {}\n",
               trainer.validation().psnr_db, trainer.validation().ssim,
               trainer.validation().psnr_db - trainer.bicubic().psnr_db, input,
               (options.out / "weights.safetensors").string());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    std::string device = "auto", resume, recipe;
    CLI::App app(
        "Trains a super-resolution network on volumes, which a preset degrades, or on registered pairs of low and high "
        "quality (--pairs), with the priors of a variant. "
        "Writes log.jsonl, samples, checkpoint.safetensors and weights.safetensors to the folder --out.",
        "train_dnsp");
    auto* out_option = app.add_option("--out", options.out, "folder of the run")->capture_default_str();
    auto* resume_option =
        app.add_option("--resume", resume,
                       "continue a run with its recorded settings [from OUT/checkpoint.safetensors]")
            ->expected(0, 1);
    app.add_option("--recipe", recipe,
                   "network, schedule and length of training; other options change it; " + recipe_help())
        ->excludes(resume_option);
    app.add_option(
        "--report", options.report,
        "write a page of HTML with the curves, sample pictures and settings of the run, at its end "
        "or when it is interrupted; with --resume the page is replaced");
    app.add_flag("--force", options.force,
                 "start a new run in a folder that contains a run, and overwrite an existing report");
    tools::add_device_option(app, device);
    app.add_flag_callback(
        "--no-graph", [&] { options.execution.graph = false; },
        "on a CUDA device, launch every kernel separately: bitwise identical results, slower");
    tools::OptionParser parser(app);
    parser.add(options.settings);
    app.get_option("--init")->excludes(resume_option);

    return tools::run_tool(app, argc, argv, [&] {
        if (resume_option->count() > 0) {
            options.checkpoint = resume.empty() ? options.out / checkpoint_name : fs::path(resume);
            if (out_option->count() == 0) options.out = options.checkpoint.parent_path() / ".";
            options.recorded = read_run_description(options.checkpoint).settings;
            options.settings = *options.recorded;
        }
        parser.apply(options.settings);
        if (!recipe.empty()) {
            apply_recipe(recipe, options.settings);
            parser.apply(options.settings);
        }
        tools::complete_degradation(app, options.settings.degradation);
        const bool by_epochs = app.get_option("--epochs")->count() > 0;
        require(!by_epochs || app.get_option("--steps")->count() == 0,
                "--epochs and --steps both set the length of the run; give one of them");
        if (by_epochs) options.settings.steps = 0;
        if (app.count("--init") > 0) options.initial = take_initial_network(options.settings, app, parser);
        choose_source(options.settings, app);
        return train(options, tools::choose_device(app, device),
                     tools::command_text(argv[0], {argv + 1, argv + argc}));
    });
}
