// train_dnsp: trains a network under the priors of the paper.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "priors/filter_bank.hpp"
#include "priors/low_rank.hpp"
#include "tools/command_line.hpp"
#include "tools/progress.hpp"
#include "training/trainer.hpp"

namespace {

using namespace dnsp;
namespace fs = std::filesystem;
using nlohmann::json;

struct Options {
    TrainingSettings settings;
    tools::DegradationOptions degradation;
    std::vector<std::string> extra_terms;  // "name=weight"
    tools::DeviceOptions device;
    fs::path out = "run";
    std::optional<std::string> resume;  // present: resume; empty: from out/checkpoint.safetensors
    bool force = false;
    Execution execution;
};

constexpr const char* checkpoint_name = "checkpoint.safetensors";

void add_model_options(CLI::App& app, TrainingSettings& s) {
    std::string models;
    for (const auto& [name, summary] : registered_models())
        models += (models.empty() ? "" : "; ") + name + ": " + summary;
    app.add_option("--model", s.model.name, models)->capture_default_str()->group("Network");
    app.add_option("--depth", s.model.depth, "residual blocks")
        ->check(CLI::NonNegativeNumber)
        ->group("Network");
    app.add_option("--width", s.model.width, "channels")->check(CLI::NonNegativeNumber)->group("Network");
    app.add_option("--global-skip", s.model.global_skip,
                   "the network predicts the residual to the bicubic image (true), or the image (false)")
        ->capture_default_str()
        ->group("Network");
}

void add_prior_options(CLI::App& app, Options& options) {
    ObjectiveOptions& o = options.settings.objective;
    auto& low_rank = o.terms.get<LowRankOptions>();
    auto& filters = o.terms.get<FilterOptions>();
    const char* group = "Priors";
    auto add = [&](const char* name, auto& value, const std::string& help) {
        return app.add_option(name, value, help)->capture_default_str()->group(group);
    };
    std::string names;
    for (const std::string& name : variants()) names += (names.empty() ? "" : ", ") + name;
    add("--prior", o.variant, "variant: " + names)->transform(CLI::IsMember(variants(), CLI::ignore_case));
    add("--alpha", o.alpha, "weight of low rank R_δ");
    add("--beta", o.beta, "weight of sharpness V or V_mod, which is subtracted");
    add("--gamma", o.gamma, "weight of the filter measure S");
    add("--tau", o.tau, "weight of total variation (TVLR)");
    std::string terms;
    for (const auto& [name, summary] : registered_terms())
        terms += (terms.empty() ? "" : "; ") + name + ": " + summary;
    app.add_option("--term", options.extra_terms, "a further term, name=weight: " + terms)->group(group);
    app.add_option_function<std::string>(
           "--reduction",
           [&o](const std::string& name) { o.reduction = name == "mean" ? Reduction::mean : Reduction::sum; },
           "the data term averages the pixels of a patch (mean, default) or sums them (sum, Eq. 1 to the "
           "letter)")
        ->check(CLI::IsMember({"mean", "sum"}))
        ->group(group);
    add("--delta", low_rank.delta, "δ of the low-rank surrogate")->check(CLI::PositiveNumber);
    app.add_option_function<std::string>(
           "--low-rank",
           [&low_rank](const std::string& name) {
               low_rank.method = name == "svd"        ? LowRankMethod::svd
                                 : name == "cusolver" ? LowRankMethod::cusolver
                                                      : LowRankMethod::matrix_exponential;
           },
           "exponential, svd, or cusolver on a CUDA device")
        ->check(CLI::IsMember({"exponential", "svd", "cusolver"}))
        ->group(group);
    app.add_option_function<std::string>(
           "--border",
           [&filters](const std::string& name) {
               filters.border = name == "valid" ? Border::valid : Border::zero;
           },
           "filter responses inside the image only (valid, default) or with zeros around it (zero)")
        ->check(CLI::IsMember({"valid", "zero"}))
        ->group(group);
    add("--laplacian-scale", filters.laplacian_scale, "0.25: L/4 of Eq. (20); 1: the text's drawing");
    add("--filters", filters.filters, "number of learned filters")->check(CLI::PositiveNumber);
    add("--filter-lr", options.settings.filters_learning_rate, "learning rate of the filters")
        ->check(CLI::NonNegativeNumber);
    app.add_option_function<std::string>(
           "--filter-constraint",
           [&filters](const std::string& name) { filters.fixed_norms = name == "norm"; },
           "each filter keeps its initial norm (norm, default) or is free (none, the paper's form)")
        ->check(CLI::IsMember({"norm", "none"}))
        ->group(group);
}

void add_training_options(CLI::App& app, Options& options) {
    TrainingSettings& s = options.settings;
    auto add = [&](const char* name, auto& value, const char* help) {
        return app.add_option(name, value, help)->capture_default_str()->group("Training");
    };
    add("--epochs", s.epochs, "passes over the training slices")->check(CLI::PositiveNumber);
    add("--batch", s.batch, "patches a step")->check(CLI::PositiveNumber);
    add("--patch", s.patch, "side of a patch, pixels")->check(CLI::PositiveNumber);
    add("--patches-per-slice", s.patches_per_slice, "patches drawn from a slice in an epoch")
        ->check(CLI::PositiveNumber);
    add("--slice-step", s.slice_step, "train on every n-th slice")->check(CLI::PositiveNumber);
    add("--lr", s.learning_rate, "Adam's learning rate")->check(CLI::PositiveNumber);
    app.add_option_function<std::string>(
           "--schedule",
           [&s](const std::string& name) {
               s.schedule = name == "constant" ? Schedule::constant : Schedule::cosine;
           },
           "learning rate over the run: constant (default) or cosine to zero")
        ->check(CLI::IsMember({"constant", "cosine"}))
        ->group("Training");
    add("--seed", s.seed, "same seed, device, build and number of threads: the same bits");
    add("--validation-slices", s.validation_slices, "slices for the score after each epoch")
        ->check(CLI::PositiveNumber);
}

/// Where the run to resume lies, found before the real parse because its settings are that parse's defaults.
std::optional<fs::path> checkpoint_to_resume(int argc, char** argv) {
    CLI::App probe;
    probe.allow_extras();
    probe.set_help_flag();
    std::string out = Options{}.out, resume;
    auto* option = probe.add_option("--resume", resume)->expected(0, 1);
    probe.add_option("--out", out);
    try {
        probe.parse(argc, argv);
    } catch (const CLI::ParseError&) {
        return std::nullopt;  // the real parse will say what is wrong
    }
    if (option->count() == 0) return std::nullopt;
    return resume.empty() ? fs::path(out) / checkpoint_name : fs::path(resume);
}

/// A resumed run keeps its settings; only its length may change.
void require_same_settings(const TrainingSettings& given, const TrainingSettings& recorded,
                           const fs::path& checkpoint) {
    json a = to_json(given), b = to_json(recorded);
    for (json* settings : {&a, &b}) settings->erase("epochs");
    for (const auto& change : json::diff(b, a)) {
        const json::json_pointer where(change.at("path").get<std::string>());
        const std::string key = where.to_string().substr(1);
        throw Error(fmt::format("{}: was trained with {} = {}; a resumed run cannot change it",
                                checkpoint.string(), key,
                                b.contains(where) ? b.at(where).dump() : "nothing"));
    }
}

std::vector<Subject> load_subjects(const std::vector<std::string>& inputs, const TrainingSettings& settings,
                                   tools::ProgressLine& progress) {
    std::vector<Subject> subjects;
    const auto paths = find_volumes(inputs);
    for (const std::string& path : paths) {
        progress.show(static_cast<double>(subjects.size()) / static_cast<double>(paths.size()),
                      "reading " + path);
        subjects.push_back(load_subject(path, degradation_of(settings), settings.axis));
    }
    progress.clear();
    return subjects;
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
        if (!p.not_a_graph_because.empty() && !explained_) {
            line_.clear();
            fmt::print("steps do not run as a graph: {}\n", p.not_a_graph_because);
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

int train(Options options, const std::optional<fs::path>& resume, const std::string& command) {
    TrainingSettings& settings = options.settings;
    const DeviceChoice device = options.device.choose();
    fmt::print("device: {}\n", device.reason);
    require(!settings.inputs.empty(), "no volume was given (--help lists the options)");
    require(resume || options.force || !fs::exists(options.out / checkpoint_name),
            fmt::format("{}: holds a run already; --resume continues it, --force starts anew",
                        (options.out / checkpoint_name).string()));
    ParameterStore probe;  // wrong names and options are found before any volume is read
    make_model(settings.model, probe);
    const Objective unused(settings.objective, probe);
    fs::create_directories(options.out);

    tools::ProgressLine progress;
    std::vector<Subject> subjects = load_subjects(settings.inputs, settings, progress);
    Split split =
        settings.validation.empty()
            ? split_subjects(std::move(subjects), settings.seed)
            : split_by_user(std::move(subjects), load_subjects(settings.validation, settings, progress));
    fmt::print("{}\n", split.sentence);

    Trainer trainer(settings, std::move(split), device.device, options.out, command,
                    resume.value_or(fs::path{}), options.execution);
    fmt::print(
        "{}: {} parameters; {} slices, {} steps an epoch; bicubic on the held-out slices {:.2f} dB, SSIM "
        "{:.4f}\n",
        settings.model.name, trainer.parameters(), trainer.sampler().slices(),
        trainer.sampler().steps_per_epoch(), trainer.bicubic().psnr_db, trainer.bicubic().ssim);
    tools::catch_interrupts();
    const bool finished = trainer.run(Watcher(progress), tools::interrupted);
    progress.clear();
    if (!finished) {
        fmt::print("interrupted; saved. Continue with: train_dnsp --resume --out {}\n", options.out.string());
        return 130;
    }
    fmt::print("held-out slices: {:.2f} dB, SSIM {:.4f} ({:+.2f} dB over bicubic); weights in {}\n",
               trainer.validation().psnr_db, trainer.validation().ssim,
               trainer.validation().psnr_db - trainer.bicubic().psnr_db,
               (options.out / "weights.safetensors").string());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    TrainingSettings& settings = options.settings;
    CLI::App app(
        "Trains a super-resolution network on NIfTI volumes, degraded by a preset, under the priors of a "
        "variant. "
        "Leaves log.jsonl, checkpoint.safetensors and weights.safetensors in --out.",
        "train_dnsp");
    app.add_option("inputs", settings.inputs, "NIfTI volumes, or folders of them");
    app.add_option("--validation", settings.validation,
                   "volumes or folders to hold out; else a fifth of the subjects is");
    auto* out_option = app.add_option("--out", options.out, "folder of the run")->capture_default_str();
    std::string resume_path;
    app.add_option("--resume", resume_path,
                   "continue a run with its own settings [from OUT/checkpoint.safetensors]")
        ->expected(0, 1);
    app.add_flag("--force", options.force, "start anew in a folder that holds a run");
    options.device.add_to(app);
    app.add_flag_callback(
        "--no-graph", [&] { options.execution.graph = false; },
        "start every kernel of a step by itself on a CUDA device: the same bits, slower");
    tools::add_axis_option(app, settings.axis);
    options.degradation.add_to(app);
    add_model_options(app, settings);
    add_prior_options(app, options);
    add_training_options(app, options);

    const std::optional<fs::path> resume = checkpoint_to_resume(argc, argv);
    std::optional<TrainingSettings> recorded;
    std::string resume_error;
    if (resume) try {
            recorded = read_run_description(*resume).settings;
            settings = *recorded;
            options.degradation = {recorded->preset, recorded->scale, recorded->blur_sigma};
        } catch (const std::exception& error) {
            resume_error = error.what();
        }

    return tools::run_tool(app, argc, argv, [&] {
        require(resume_error.empty(), resume_error);
        settings.preset = options.degradation.preset;
        settings.scale = options.degradation.scale;
        settings.blur_sigma = options.degradation.blur_sigma;
        for (const std::string& term : options.extra_terms) {
            const auto equals = term.find('=');
            require(equals != std::string::npos, "--term " + term + ": expected name=weight");
            try {
                settings.objective.extra_terms[term.substr(0, equals)] = std::stod(term.substr(equals + 1));
            } catch (const std::logic_error&) {
                throw Error("--term " + term + ": its weight is no number");
            }
        }
        if (resume && out_option->count() == 0) options.out = resume->parent_path() / ".";
        if (recorded) require_same_settings(settings, *recorded, *resume);
        return train(options, resume, tools::command_text(argc, argv));
    });
}
