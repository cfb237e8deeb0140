// train_dnsp: trains a network under the priors of the paper.
#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "base/atomic_file.hpp"
#include "base/counted.hpp"
#include "base/folder_lock.hpp"
#include "base/options_json.hpp"
#include "inference/shipped_weights.hpp"
#include "tools/command_line.hpp"
#include "tools/files.hpp"
#include "tools/processes/join.hpp"
#include "tools/progress.hpp"
#include "tools/report/training.hpp"
#include "training/pairs.hpp"
#include "training/recipes.hpp"
#include "training/trainer.hpp"

namespace {

using namespace dnsp;
namespace fs = std::filesystem;

struct Options {
    TrainingSettings settings;
    std::optional<RunDescription> recorded;  ///< of the checkpoint to resume from
    fs::path checkpoint;                     ///< empty for a new run
    std::optional<InitialNetwork> initial;   ///< of --init
    fs::path out = "run";
    fs::path report;  ///< empty: none
    bool force = false;
    Execution execution;
};

/// Throws Error if a setting that may not change on resume differs from the checkpoint.
void require_recorded_settings(const Options& options) {
    TrainingSettings recorded = options.recorded->settings;
    // Data are compared by their content, after they are read.
    if (!options.recorded->data.empty()) {
        recorded.inputs = options.settings.inputs;
        recorded.validation = options.settings.validation;
        recorded.pairs = options.settings.pairs;
        recorded.validation_pairs = options.settings.validation_pairs;
    } else {
        tools::print_notice(options.checkpoint.string() +
                            ": does not record the content of its data, so their paths are compared");
    }
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

std::optional<int> volume_of(const TrainingSettings& settings) {
    return settings.volume < 0 ? std::nullopt : std::optional(settings.volume);
}

std::vector<Subject> load_subjects(const std::vector<std::string>& inputs, const TrainingSettings& settings,
                                   InputFeatures features, tools::ProgressLine& progress) {
    std::vector<Subject> subjects;
    if (inputs.empty()) return subjects;
    const auto paths = find_volumes(inputs, tools::print_notice);
    for (const std::string& path : paths) {
        progress.show(static_cast<double>(subjects.size()) / static_cast<double>(paths.size()),
                      "reading " + path);
        subjects.push_back(tools::naming_volume_option([&] {
            return load_subject(path, settings.degradation.make(), settings.axis, features,
                                volume_of(settings));
        }));
    }
    progress.clear();
    return subjects;
}

std::vector<Subject> load_pairs(const std::vector<std::string>& low_and_high, const std::string& option,
                                const TrainingSettings& settings, tools::ProgressLine& progress) {
    std::vector<Subject> subjects;
    if (low_and_high.empty()) return subjects;
    std::string left_out;
    const auto pairs = find_pairs(low_and_high, option, tools::print_notice);
    for (const PairPaths& pair : pairs) {
        progress.show(static_cast<double>(subjects.size()) / static_cast<double>(pairs.size()),
                      "reading " + pair.high);
        Subject subject =
            tools::naming_volume_option([&] { return load_pair(pair, settings.axis, volume_of(settings)); });
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
        require(app.count("--validation-pairs") == 0, "--validation-pairs needs --pairs");
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

/// A checkpoint without the content of its data: its held-out slices tell whether persons are told apart as
/// they were then.
void require_recorded_held_out(const Options& options, const Split& split) {
    const auto names = [](const std::vector<HeldOut>& held_out) {
        std::string text;
        for (const HeldOut& each : held_out) text += (text.empty() ? "" : ", ") + each.file;
        return text;
    };
    const std::string then = names(options.recorded->held_out), now = names(split.held_out);
    require(then == now,
            fmt::format(
                "{}: held out {}, but this version would hold out {} ({}); --validation chooses in a new run",
                options.checkpoint.string(), then, now, split.description));
}

Split load_split(const Options& options, InputFeatures features, tools::ProgressLine& progress) {
    const TrainingSettings& settings = options.settings;
    const bool pairs = !settings.pairs.empty();
    require(!pairs || features == InputFeatures::intensity,
            settings.model.name + ": reads tissue labels, which --pairs do not have");
    std::vector<Subject> training = pairs ? load_pairs(settings.pairs, "--pairs", settings, progress)
                                          : load_subjects(settings.inputs, settings, features, progress),
                         validation = pairs
                                          ? load_pairs(settings.validation_pairs, "--validation-pairs",
                                                       settings, progress)
                                          : load_subjects(settings.validation, settings, features, progress);
    if (options.recorded && !options.recorded->data.empty()) {
        training.insert(training.end(), std::make_move_iterator(validation.begin()),
                        std::make_move_iterator(validation.end()));
        return recorded_split(std::move(training), options.recorded->data);
    }
    const ToldApart told_apart = name_persons(training, validation, settings.subject_of);
    Split split = validation.empty() ? split_subjects(std::move(training), settings.seed, told_apart)
                                     : split_by_user(std::move(training), std::move(validation), told_apart);
    if (options.recorded) require_recorded_held_out(options, split);
    return split;
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

/// The checkpoint that --resume names: a file, or the folder of a run.
fs::path checkpoint_of(const fs::path& given) {
    fs::path path = fs::is_directory(given) ? given / checkpoint_name : given;
    require(fs::exists(path), path.string() + ": no such file; --resume continues a run from its checkpoint");
    return path;
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
            fmt::print(stderr, "no report: {}\n", tools::message_of(error));
        }
        throw;
    }
    progress.clear();
    write_report(options);
    return finished;
}

int train(Options options, const DeviceChoice& device, const std::string& command,
          tools::JoinedProcesses& joined) {
    const std::string connection = joined.connect(device.device);
    Processes& processes = joined.all();
    TrainingSettings& settings = options.settings;
    settings.convolution = apply(settings.convolution, device.device);
    settings.degradation.through_plane.read_profile();
    if (options.recorded) require_recorded_settings(options);
    fmt::print("device: {}\n", device.reason);
    if (processes.count() > 1)
        fmt::print("{} processes, each computes {} of {} shards of a batch; {}\n", processes.count(),
                   settings.shards / processes.count(), settings.shards, connection);
    require(!settings.inputs.empty() || !settings.pairs.empty(),
            "no volume was given (--help lists the options)");
    require(options.recorded || options.force || !fs::exists(options.out / checkpoint_name),
            fmt::format("{}: already contains a run; --resume continues it, --force starts anew",
                        (options.out / checkpoint_name).string()));
    ParameterStore probe;  // finds wrong names and options before any volume is read
    const InputFeatures features = make_model(settings.model, probe)->input_features();
    const Objective unused(settings.objective, probe);
    shards_of(settings, probe, processes);
    if (!options.recorded) {
        require_options_used(settings.model.own, "--model " + settings.model.name);
        require_options_used(settings.objective.terms, "--prior " + settings.objective.variant);
        require_weights_used(settings.objective);
    }
    std::optional<tools::NewFolder> folder;
    std::optional<FolderLock> lock;
    if (processes.is_first()) {
        folder.emplace(options.out);
        lock.emplace(options.out, "another process trains in this folder");
        // A folder that takes no file is found before any volume is read.
        { const AtomicFile attempt(options.out / "log.jsonl"); }
        // A resumed run continues its report.
        if (!options.report.empty())
            tools::require_report_path(options.report, options.force || options.recorded.has_value());
    } else {
        options.report.clear();
    }

    tools::ProgressLine progress;
    Split split = load_split(options, features, progress);
    fmt::print("{}\n", split.description);

    if (options.initial)
        fmt::print("starts from {}, {}\n", options.initial->path.string(), options.initial->description);
    Trainer trainer(settings, std::move(split), device.device, options.out, command, options.checkpoint,
                    options.execution, options.initial ? &*options.initial : nullptr, processes);
    const imaging::Degradation degradation = settings.degradation.make();
    const std::string input = degradation.scale == 1 && !degradation.through_plane ? "the input" : "bicubic";
    fmt::print("{}: {} parameters; {}, {} an epoch; {} on the held-out slices {:.2f} dB, SSIM {:.4f}\n",
               settings.model.name, trainer.parameters(), counted(trainer.sampler().slices(), "slice"),
               counted(static_cast<std::size_t>(trainer.sampler().steps_per_epoch()), "step"), input,
               trainer.bicubic().psnr_db, trainer.bicubic().ssim);
    if (folder) folder->keep();
    tools::catch_interrupts(tools::until_saved);
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

    std::optional<tools::JoinedProcesses> joined;
    const auto body = [&] {
        if (resume_option->count() > 0) {
            options.checkpoint =
                checkpoint_of(resume.empty() ? options.out / checkpoint_name : fs::path(resume));
            if (out_option->count() == 0) options.out = options.checkpoint.parent_path() / ".";
            options.recorded = read_checkpoint_description(options.checkpoint);
            options.settings = options.recorded->settings;
        }
        parser.apply(options.settings);
        // Held-out files that have moved are looked for by their content among the inputs.
        if (options.recorded && app.count("inputs") > 0 && app.count("--validation") == 0)
            std::erase_if(options.settings.validation,
                          [](const std::string& path) { return !fs::exists(path); });
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
        // In a fixed order, the smallest number that gives 1, 2 and 4 processes the same results.
        if (joined->launched() && !options.recorded && app.count("--shards") == 0)
            options.settings.shards =
                std::max(options.settings.reduce == ReductionOrder::fixed ? 4 : 1, joined->all().count());
        return train(options, tools::choose_device(app, device, joined->on_this_machine()),
                     tools::command_text(argv[0], {argv + 1, argv + argc}), *joined);
    };
    const int status = tools::run_tool(app, argc, argv, [&] {
        joined.emplace();
        return joined->run(body);
    });
    return joined ? joined->leave(status) : status;
}
