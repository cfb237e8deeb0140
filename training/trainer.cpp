#include "training/trainer.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "models/tiled_inference.hpp"
#include "priors/filter_bank.hpp"

namespace dnsp {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double checkpoint_interval_seconds = 120.0;  // between the ends of long epochs
constexpr double rate_window_seconds = 1.0;

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

void require_finite(const Objective::Evaluation::Report& report, std::int64_t step) {
    for (const auto& term : report.terms)
        require(std::isfinite(term.value) && std::isfinite(term.gradient_norm),
                fmt::format("[training] the term '{}' is no longer finite at step {}; the last checkpoint is "
                            "kept. A lower "
                            "--lr or weight of that term may help",
                            term.name, step));
    require(std::isfinite(report.loss),
            fmt::format("[training] the loss is no longer finite at step {}", step));
}

}  // namespace

Trainer::Trainer(TrainingSettings settings, Split split, Device device, std::filesystem::path out_folder,
                 std::string command, const std::filesystem::path& resume)
    : settings_(std::move(settings)),
      split_(std::move(split)),
      folder_(std::move(out_folder)),
      description_{settings_, split_.held_out, std::move(command)},
      model_(make_model(settings_.model, store_)),
      objective_(settings_.objective, store_),
      sampler_(split_.training, settings_, device) {
    settings_.model = description_.settings.model = model_->options();
    require(settings_.epochs > 0, "[training] the number of epochs must be positive");
    store_.allocate(DType::float32, device, settings_.seed);
    if (objective_.needs_patches()) objective_.set_patches(sampler_.sharp_and_smooth());
    adam_ = std::make_unique<Adam>(store_, AdamOptions{});
    if (FilterBank* filters = objective_.filters()) filters->reference_norms();
    if (!resume.empty()) {
        const RestoredState restored = load_checkpoint(resume, store_, *adam_);
        state_ = restored.state;
        if (FilterBank* filters = objective_.filters())
            filters->set_reference_norms(restored.filter_reference_norms);
    }
    std::filesystem::create_directories(folder_);
    log_ = std::make_unique<RunLog>(folder_ / "log.jsonl", resume.empty() ? -1 : state_.step);
    bicubic_ = validate(true);
    validation_ = validate(false);
    progress_.epochs = settings_.epochs;
    progress_.total_steps = total_steps();
    log_->write({{"event", resume.empty() ? "start" : "resume"},
                 {"step", state_.step},
                 {"settings", to_json(settings_)},
                 {"parameters", parameters()},
                 {"training_slices", sampler_.slices()},
                 {"steps_per_epoch", sampler_.steps_per_epoch()},
                 {"split", split_.sentence},
                 {"device", to_string(device)},
                 {"bicubic", {{"psnr_db", bicubic_.psnr_db}, {"ssim", bicubic_.ssim}}},
                 {"validation", {{"psnr_db", validation_.psnr_db}, {"ssim", validation_.ssim}}}});
}

bool Trainer::run(const std::function<void(const TrainingProgress&)>& watch,
                  const std::function<bool()>& stop) {
    const Clock::time_point begin = Clock::now();
    Clock::time_point last_save = begin, window = begin;
    std::int64_t window_step = state_.step;
    while (state_.step < total_steps()) {
        train_step();
        progress_.seconds = seconds_since(begin);
        if (const double elapsed = seconds_since(window); elapsed >= rate_window_seconds) {
            progress_.steps_per_second = static_cast<double>(state_.step - window_step) / elapsed;
            window = Clock::now();
            window_step = state_.step;
        }
        const bool epoch_ends = state_.step % sampler_.steps_per_epoch() == 0;
        if (epoch_ends) {
            validation_ = validate(false);
            log_->write({{"event", "epoch"},
                         {"step", state_.step},
                         {"epoch", state_.step / sampler_.steps_per_epoch()},
                         {"seconds", seconds_since(begin)},
                         {"psnr_db", validation_.psnr_db},
                         {"ssim", validation_.ssim}});
        }
        progress_.validation = validation_;
        watch(progress_);
        const bool stopped = stop();
        if (epoch_ends || stopped || seconds_since(last_save) > checkpoint_interval_seconds) {
            save();
            last_save = Clock::now();
        }
        if (stopped && state_.step < total_steps()) return false;
    }
    save_weights(folder_ / "weights.safetensors", description_, store_);
    return true;
}

void Trainer::train_step() {
    const std::int64_t epoch = state_.step / sampler_.steps_per_epoch();
    const Batch batch = sampler_.batch(epoch, state_.step % sampler_.steps_per_epoch());
    store_.discard_gradients();
    Tape tape;
    const Tensor output = model_->forward(tape, batch.input);
    const Objective::Evaluation evaluation = objective_.evaluate(tape, output, batch.target);
    const Objective::Evaluation::Report report = evaluation.report();
    require_finite(report, state_.step + 1);
    tape.backward(evaluation.loss);
    const double factor = schedule_factor(settings_.schedule, state_.step, total_steps());
    adam_->step(factor * settings_.learning_rate, factor * settings_.filters_learning_rate);
    if (FilterBank* filters = objective_.filters()) filters->constrain();
    ++state_.step;

    progress_.epoch = epoch;
    progress_.step = state_.step;
    progress_.loss = report.loss;
    progress_.terms = report.terms;
    log_step(report, factor * settings_.learning_rate);
}

void Trainer::log_step(const Objective::Evaluation::Report& report, double learning_rate) {
    nlohmann::json terms = nlohmann::json::object(), norms = nlohmann::json::object();
    for (const auto& term : report.terms) {
        terms[term.name] = term.value;
        norms[term.name] = term.gradient_norm;
    }
    nlohmann::json line = {{"event", "step"}, {"step", state_.step},    {"loss", report.loss},
                           {"terms", terms},  {"gradient_norm", norms}, {"lr", learning_rate}};
    if (const FilterBank* filters = objective_.filters()) line["filter_norms"] = filters->norms();
    log_->write(line);
}

ValidationScore Trainer::validate(bool bicubic) const {
    std::vector<std::pair<const Subject*, const SlicePair*>> slices;
    for (const Subject& subject : split_.validation)
        for (const SlicePair& pair : subject.slices) slices.emplace_back(&subject, &pair);
    const std::size_t wanted =
        std::min<std::size_t>(slices.size(), static_cast<std::size_t>(settings_.validation_slices));
    ValidationScore score;
    for (std::size_t i = 0; i < wanted; ++i) {
        const auto& [subject, pair] = slices[i * slices.size() / wanted];
        imaging::Image image = pair->input;
        if (!bicubic) {
            imaging::normalise(image.pixels, subject->normalisation);
            const Tensor input = Tensor::from<float>({1, image.height, image.width, 1}, image.pixels,
                                                     store_.values().device());
            image.pixels = infer(*model_, input).to_vector<float>();
            imaging::restore(image.pixels, subject->normalisation);
        }
        const imaging::MetricConvention convention{
            subject->reference_range.high - subject->reference_range.low, 0};
        score.psnr_db += imaging::psnr(pair->target, image, convention) / static_cast<double>(wanted);
        score.ssim += imaging::ssim(pair->target, image, convention) / static_cast<double>(wanted);
    }
    return score;
}

void Trainer::save() {
    const FilterBank* filters = objective_.filters();
    save_checkpoint(folder_ / "checkpoint.safetensors", description_, store_, *adam_,
                    filters ? objective_.filters()->reference_norms() : std::vector<double>{}, state_);
}

}  // namespace dnsp
