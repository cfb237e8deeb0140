#include "training/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/divide_up.hpp"
#include "base/options_json.hpp"
#include "base/sha256.hpp"
#include "priors/filter_bank.hpp"
#include "training/pacing.hpp"
#include "training/sample_pictures.hpp"

namespace dnsp {
namespace {

constexpr double checkpoint_interval_seconds = 120.0;  // during an epoch

void require_finite(const Objective::Report& report, std::int64_t step) {
    for (const auto& term : report.terms)
        require(std::isfinite(term.value) && std::isfinite(term.gradient_norm),
                fmt::format(
                    "[training] the term '{}' is no longer finite at step {}; the last checkpoint is kept. "
                    "A lower learning rate or weight of that term may help",
                    term.name, step));
    require(std::isfinite(report.loss),
            fmt::format("[training] the loss is no longer finite at step {}", step));
}

nlohmann::json file_names(const std::vector<Subject>& subjects) {
    auto names = nlohmann::json::array();
    for (const Subject& subject : subjects)
        names.push_back(std::filesystem::path(subject.path).filename().string());
    return names;
}

SeenScans seen_by(const std::vector<Subject>& subjects) {
    std::vector<imaging::ScanStatistics> scans;
    for (const Subject& subject : subjects) {
        std::vector<imaging::Image> slices;
        for (const SlicePair& pair : subject.slices) slices.push_back(pair.low);
        scans.push_back(imaging::scan_statistics(slices, subject.normalisation, subject.pixel_mm));
    }
    return seen_scans(scans);
}

}  // namespace

Shards shards_of(const TrainingSettings& settings, const ParameterStore& store, Processes& processes) {
    const Shards shards(settings.shards, processes, settings.reduce);
    require(settings.batch % settings.shards == 0,
            fmt::format("--shards {} does not divide --batch {}", settings.shards, settings.batch));
    const bool has_buffers = std::ranges::any_of(
        store.parameters(), [](const auto& parameter) { return !is_trained(parameter.group); });
    require(settings.shards == 1 || !has_buffers,
            fmt::format("--shards {}: batch normalisation of the model {} needs the whole batch",
                        settings.shards, settings.model.name));
    return shards;
}

Trainer::Trainer(TrainingSettings settings, Split split, Device device, std::filesystem::path out_folder,
                 std::string command, const std::filesystem::path& resume, const Execution& execution,
                 const InitialNetwork* initial, Processes& processes)
    : settings_(std::move(settings)),
      split_(std::move(split)),
      held_out_(split_.validation, settings_.validation_slices),
      folder_(std::move(out_folder)),
      description_{settings_, split_.held_out, std::move(command)},
      model_(make_model(settings_.model, store_)),
      objective_(settings_.objective, store_),
      sampler_(split_.training, settings_, device),
      execution_(execution),
      processes_(processes) {
    settings_.model = model_->options();
    settings_.convolution = conv2d_settings_in_force(device);
    description_.settings = settings_;
    description_.seen = seen_by(split_.training);
    description_.data = data_record(split_);
    for (Subject& subject : split_.training) subject.slices = {};  // their memory: the sampler has copies
    require(settings_.epochs > 0 && settings_.steps >= 0,
            "[training] the number of epochs must be positive, and the number of steps must not be negative");
    require(
        execution_.steps_between_reads >= 0 && execution_.steps_between_reads <= TrainingStep::max_pending,
        fmt::format("[training] metrics are read every 1 to {} steps", TrainingStep::max_pending));
    store_.allocate(DType::float32, device, settings_.seed);
    const Shards shards = shards_of(settings_, store_, processes_);
    if (initial != nullptr && resume.empty()) copy_parameters(*initial, store_);
    if (objective_.needs_patches()) objective_.prepare(sampler_.sharp_and_smooth());
    adam_ = std::make_unique<Adam>(store_, AdamOptions{}, sampler_.steps_per_epoch());
    if (FilterBank* filters = objective_.filters()) filters->reference_norms();
    if (!resume.empty()) {
        const RestoredState restored = load_checkpoint(resume, store_, *adam_);
        state_ = restored.state;
        if (FilterBank* filters = objective_.filters())
            filters->set_reference_norms(restored.filter_reference_norms);
    }
    step_ = std::make_unique<TrainingStep>(sampler_, Learner{*model_, objective_, store_, *adam_},
                                           execution_.graph, shards);
    require_same_data();
    if (processes_.is_first()) {
        std::filesystem::create_directories(folder_);
        log_ = std::make_unique<RunLog>(folder_ / "log.jsonl", resume.empty() ? -1 : state_.step);
    }
    progress_.epochs = divide_up(total_steps(), sampler_.steps_per_epoch());
    progress_.total_steps = total_steps();
    if (processes_.is_first()) log_start(resume.empty() ? "start" : "resume", device);
}

/// Only the first process has a log.
void Trainer::log(const nlohmann::json& line) {
    if (log_) log_->write(line);
}

/// Processes of other data would train on different patches, without a sign of it.
void Trainer::require_same_data() const {
    if (processes_.count() == 1) return;
    const std::string digest = sha256_of_text(to_json(settings_).dump() + to_json(description_.data).dump());
    std::vector<double> own;  // whole numbers below 2^16
    for (std::size_t i = 0; i < digest.size(); i += 4)
        own.push_back(std::stoi(digest.substr(i, 4), nullptr, 16));
    // Each process compares with the mean, so that all are equal if none differs.
    const auto total = Tensor::from<double>({std::ssize(own)}, own);
    processes_.add_up(total);
    const std::vector<double> sum = total.to_vector<double>();
    bool differs = false;
    for (std::size_t i = 0; i < own.size(); ++i) differs = differs || sum[i] != processes_.count() * own[i];
    require(!processes_.any(differs), "[training] the processes were given different data or settings");
}

/// Scores the input and the network, and logs what the run is made of.
void Trainer::log_start(const char* event, Device device) {
    const Validation::Result input = held_out_.of_inputs(), network = held_out_.of(*model_, device);
    bicubic_ = input.score;
    validation_ = network.score;
    std::vector<imaging::Image> truth;
    auto samples = nlohmann::json::array();
    for (std::size_t i = 0; i < held_out_.samples().size(); ++i) {
        const auto& [subject, pair] = held_out_.samples()[i];
        truth.push_back(pair->target);
        samples.push_back({{"file", std::filesystem::path(subject->path).filename().string()},
                           {"slice", pair->index},
                           {"input_psnr_db", input.sample_psnr_db[i]}});
    }
    write_sample_pictures(folder_, held_out_.samples(), truth, "truth");
    write_sample_pictures(folder_, held_out_.samples(), input.samples, "input");
    nlohmann::json line = {{"event", event},
                           {"step", state_.step},
                           {"version", DNSP_VERSION},
                           {"command", description_.command},
                           {"settings", to_json(settings_)},
                           {"parameters", parameters()},
                           {"training_slices", sampler_.slices()},
                           {"steps_per_epoch", sampler_.steps_per_epoch()},
                           {"split", split_.description},
                           {"training_files", file_names(split_.training)},
                           {"held_out_files", file_names(split_.validation)},
                           {"device", to_string(device)},
                           {"bicubic", {{"psnr_db", bicubic_.psnr_db}, {"ssim", bicubic_.ssim}}},
                           {"validation", {{"psnr_db", validation_.psnr_db}, {"ssim", validation_.ssim}}},
                           {"samples", samples}};
    if (shows_samples()) {
        write_sample_pictures(folder_, held_out_.samples(), network.samples, step_name(state_.step));
        line["sample_psnr_db"] = network.sample_psnr_db;
    }
    log(line);
}

/// Whether an uninterrupted run writes pictures of the network at the present step.
bool Trainer::shows_samples() const {
    const std::int64_t steps = sampler_.steps_per_epoch();
    if (state_.step == 0) return true;
    const bool ends_epoch = state_.step == total_steps() || state_.step % steps == 0;
    return ends_epoch && is_sampled(divide_up(state_.step, steps), progress_.epochs);
}

double Trainer::factor(std::int64_t step) const {
    return schedule_factor(settings_.schedule, step, total_steps());
}

void Trainer::begin_epoch() {
    const std::int64_t steps = sampler_.steps_per_epoch(), first = state_.step % steps;
    std::vector<LearningRates> rates;
    for (std::int64_t k = 0; k < steps - first; ++k) {
        const double f = factor(state_.step + k);
        rates.push_back({f * settings_.learning_rate, f * settings_.filters_learning_rate});
    }
    step_->begin_epoch(state_.step / steps, first, rates);
}

bool Trainer::run(const Watch& watch, const std::function<bool()>& stop) {
    const Stopwatch since_begin;
    Stopwatch since_save;
    ReadPacer pacer(execution_.steps_between_reads, store_.values().device());
    RateMeter meter(state_.step);
    begin_epoch();
    while (state_.step < total_steps()) {
        step_->run();
        ++state_.step;
        const bool finished = state_.step == total_steps();
        bool stopped = processes_.any(stop());
        const bool epoch_ends = finished || state_.step % sampler_.steps_per_epoch() == 0;
        const bool saves = epoch_ends || stopped || since_save.seconds() > checkpoint_interval_seconds;
        if (!saves && step_->pending() < pacer.steps()) continue;

        const auto steps = drain_metrics();
        pacer.measure(steps.size());
        log_execution();
        progress_.seconds = since_begin.seconds();
        progress_.steps_per_second = meter.rate_at(state_.step);
        if (epoch_ends && !stopped)
            stopped = processes_.any(processes_.is_first() && !log_epoch(progress_.seconds, stop));
        report(steps, watch);
        if (saves) {
            save();
            since_save.restart();
        }
        if (stopped) {
            log_end(since_begin.seconds(), false);
            return false;
        }
        if (epoch_ends && !finished) begin_epoch();
        pacer.restart();
    }
    if (processes_.is_first()) save_weights(folder_ / "weights.safetensors", description_, store_);
    log_end(since_begin.seconds(), true);
    return true;
}

/// Waits for the pending steps, checks that their metrics are finite and logs them.
std::vector<TrainingStep::Metrics> Trainer::drain_metrics() {
    auto steps = step_->drain_metrics();
    std::int64_t number = state_.step - static_cast<std::int64_t>(steps.size());
    for (const TrainingStep::Metrics& metrics : steps) {
        require_finite(metrics.report, ++number);
        log_step(number, metrics);
    }
    return steps;
}

void Trainer::report(const std::vector<TrainingStep::Metrics>& steps, const Watch& watch) {
    progress_.no_graph_reason = step_->no_graph_reason();
    for (std::size_t i = 0; i < steps.size(); ++i) {
        progress_.step = state_.step - static_cast<std::int64_t>(steps.size() - i) + 1;
        progress_.epoch = (progress_.step - 1) / sampler_.steps_per_epoch();
        progress_.loss = steps[i].report.loss;
        progress_.terms = steps[i].report.terms;
        if (i + 1 == steps.size()) progress_.validation = validation_;
        watch(progress_);
    }
}

void Trainer::log_step(std::int64_t step, const TrainingStep::Metrics& metrics) {
    nlohmann::json terms = nlohmann::json::object(), norms = nlohmann::json::object();
    for (const auto& term : metrics.report.terms) {
        terms[term.name] = term.value;
        norms[term.name] = term.gradient_norm;
    }
    nlohmann::json line = {{"event", "step"},
                           {"step", step},
                           {"loss", metrics.report.loss},
                           {"terms", terms},
                           {"gradient_norm", norms},
                           {"parameter_gradient_norm", {{"network", metrics.network_gradient_norm}}},
                           {"lr", factor(step - 1) * settings_.learning_rate}};
    if (objective_.filters()) {
        line["parameter_gradient_norm"]["filters"] = metrics.filters_gradient_norm;
        line["filter_norms"] = metrics.filter_norms;
    }
    log(line);
}

/// Logs once whether steps run as a graph, as soon as this is known.
void Trainer::log_execution() {
    if (execution_logged_) return;
    if (step_->graph_size() > 0)
        log({{"event", "graph"}, {"step", state_.step}, {"nodes", step_->graph_size()}});
    else if (!step_->no_graph_reason().empty())
        log({{"event", "no_graph"}, {"step", state_.step}, {"reason", step_->no_graph_reason()}});
    else
        return;
    execution_logged_ = true;
}

/// False if `stop` ended the validation: then nothing is logged.
bool Trainer::log_epoch(double seconds, const std::function<bool()>& stop) {
    const auto scored = held_out_.of(*model_, store_.values().device(), stop);
    if (!scored) return false;
    const Validation::Result& result = *scored;
    validation_ = result.score;
    const std::int64_t epoch = divide_up(state_.step, sampler_.steps_per_epoch());
    nlohmann::json line = {{"event", "epoch"},
                           {"step", state_.step},
                           {"epoch", epoch},
                           {"seconds", seconds},
                           {"psnr_db", validation_.psnr_db},
                           {"ssim", validation_.ssim}};
    if (shows_samples()) {
        write_sample_pictures(folder_, held_out_.samples(), result.samples, step_name(state_.step));
        line["sample_psnr_db"] = result.sample_psnr_db;
    }
    log(line);
    return true;
}

void Trainer::log_end(double seconds, bool finished) {
    log({{"event", "end"}, {"step", state_.step}, {"seconds", seconds}, {"finished", finished}});
}

void Trainer::save() {
    if (!processes_.is_first()) return;
    const FilterBank* filters = objective_.filters();
    save_checkpoint(folder_ / checkpoint_name, description_, store_, *adam_,
                    filters ? objective_.filters()->reference_norms() : std::vector<double>{}, state_);
}

}  // namespace dnsp
