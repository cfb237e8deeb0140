#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "engine/adam.hpp"
#include "priors/objective.hpp"
#include "training/checkpoint.hpp"
#include "training/initial_network.hpp"
#include "training/patch_sampler.hpp"
#include "training/processes.hpp"
#include "training/run_log.hpp"
#include "training/settings.hpp"
#include "training/split.hpp"
#include "training/training_step.hpp"
#include "training/validation.hpp"

namespace dnsp {

/// The state of a run after a step.
struct TrainingProgress {
    std::int64_t epoch = 0, epochs = 0;  ///< from 0
    std::int64_t step = 0, total_steps = 0;
    double seconds = 0.0;           ///< of training in this process
    double steps_per_second = 0.0;  ///< over the last second or more
    double loss = 0.0;
    std::vector<Objective::TermReport> terms;
    ValidationScore validation;   ///< of the last epoch
    std::string no_graph_reason;  ///< why steps on a CUDA device do not run as a graph; else empty
};

/// How a run is executed. Results are bitwise identical for all values.
struct Execution {
    bool graph = true;  ///< on a CUDA device, steps run as a graph if they can be captured
    /// Steps between two reads of the metrics, at most TrainingStep::max_pending. 0: one step on the CPU, the
    /// steps of half a second on a CUDA device.
    int steps_between_reads = 0;
};

/// The shards of the settings. `store` has the parameters of the model. Throws Error if the batch, the model
/// or the processes do not suit them.
Shards shards_of(const TrainingSettings& settings, const ParameterStore& store, Processes& processes);

/// A training run: the loop, its checkpoints, its log and its sample pictures, in one folder.
class Trainer {
  public:
    /// Records `command`, and in the settings how convolutions are computed on `device`. `resume`: empty, or
    /// a checkpoint to continue from. Precondition: only settings that may change on resume differ from the
    /// checkpoint. `initial`: replaces the random initial values; may be null; ignored on resume.
    /// `processes` train together; the first one alone scores and writes to the folder.
    Trainer(TrainingSettings settings, Split split, Device device, std::filesystem::path out_folder,
            std::string command, const std::filesystem::path& resume = {}, const Execution& execution = {},
            const InitialNetwork* initial = nullptr, Processes& processes = one_process());

    /// Trains to the last epoch, or until `stop`, asked after every step and before every held-out slice,
    /// returns true. Then writes checkpoint.safetensors and, after the last epoch, weights.safetensors.
    /// Returns true if the last epoch was finished. An epoch whose validation was stopped is scored on
    /// resume. `watch` is called once per step, after the metrics of the step have been read. Throws Error
    /// that names the step if a loss term is not finite; the last checkpoint is then older than that step.
    using Watch = std::function<void(const TrainingProgress&)>;
    bool run(const Watch& watch, const std::function<bool()>& stop);

    // Scores of the first process; 0 in the others.
    ValidationScore bicubic() const { return bicubic_; }
    ValidationScore validation() const { return validation_; }
    /// The training subjects without their slices, which the sampler has.
    const Split& split() const { return split_; }
    const PatchSampler& sampler() const { return sampler_; }
    const TrainingStep& step() const { return *step_; }
    std::int64_t parameters() const { return store_.elements(ParameterGroup::network); }
    std::int64_t total_steps() const {
        return settings_.steps > 0 ? settings_.steps : settings_.epochs * sampler_.steps_per_epoch();
    }

  private:
    void begin_epoch();
    std::vector<TrainingStep::Metrics> drain_metrics();
    void report(const std::vector<TrainingStep::Metrics>& steps, const Watch& watch);
    void log_step(std::int64_t step, const TrainingStep::Metrics& metrics);
    void require_same_data() const;
    void log(const nlohmann::json& line);
    void log_start(const char* event, Device device);
    bool shows_samples() const;
    bool log_epoch(double seconds, const std::function<bool()>& stop);
    void log_execution();
    void log_end(double seconds, bool finished);
    double factor(std::int64_t step) const;
    void save();

    TrainingSettings settings_;
    Split split_;
    Validation held_out_;
    std::filesystem::path folder_;
    RunDescription description_;
    ParameterStore store_;
    std::unique_ptr<Model> model_;
    Objective objective_;
    PatchSampler sampler_;
    Execution execution_;
    Processes& processes_;
    std::unique_ptr<Adam> adam_;
    std::unique_ptr<TrainingStep> step_;
    std::unique_ptr<RunLog> log_;
    bool execution_logged_ = false;
    RunState state_;
    TrainingProgress progress_;
    ValidationScore bicubic_, validation_;
};

}  // namespace dnsp
