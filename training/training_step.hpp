#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/adam.hpp"
#include "engine/graph.hpp"
#include "models/model.hpp"
#include "priors/objective.hpp"
#include "training/patch_sampler.hpp"
#include "training/shards.hpp"

namespace dnsp {

/// The parts of a training step that learn.
struct Learner {
    const Model& model;
    const Objective& objective;
    ParameterStore& store;
    Adam& adam;
};

/// Forward pass, loss and backward pass on a batch. Runs on the device without host synchronisation.
/// `after_step` is called after each step of the backward pass (Tape::backward).
Objective::Evaluation compute_gradients(const Learner& learner, const Batch& batch,
                                        const std::function<void()>& after_step = {});

/// The optimiser's planned step at the clock's position, and the constraint of the filters.
void update_parameters(const Learner& learner, const StepClock& clock);

/// One step on a batch: compute_gradients(), update_parameters().
Objective::Evaluation train_step(const Learner& learner, const Batch& batch, const StepClock& clock);

/// The steps of a run: draw a batch, call train_step(), store the metrics. Patches and learning rates depend
/// on a clock in device memory, and metrics are stored in a ring in device memory. A step therefore never
/// synchronises with the host. On a CUDA device the second step is captured as a graph, and all later steps
/// replay it.
///
/// A step of several shards computes the gradients of each, sums them over all processes
/// (training/shards.hpp) and divides by the number of shards. Processes exchange gradients during the
/// backward pass of their last shard (training/gradient_exchange.hpp). The step waits for the device and is
/// not captured.
class TrainingStep {
  public:
    /// Preconditions: `learner.adam` has capacity for the plan of an epoch; the batch is a multiple of the
    /// shards; with several shards, the model has no buffers.
    TrainingStep(PatchSampler& sampler, const Learner& learner, bool as_graph,
                 const Shards& shards = {1, one_process()});

    /// The next run() is step `first` of `epoch`; rates[k] are the rates of step first + k. Precondition: no
    /// metrics are pending.
    void begin_epoch(std::int64_t epoch, std::int64_t first, const std::vector<LearningRates>& rates);

    /// Launches the next step without waiting for it. Preconditions: the epoch has a step left, and fewer
    /// than `max_pending` steps have run since drain_metrics().
    void run();
    static constexpr std::int64_t max_pending = 64;
    /// Number of steps since the last drain_metrics().
    std::int64_t pending() const { return pending_; }

    struct Metrics {
        Objective::Report report;
        /// ‖∂loss/∂parameters‖₂ of the network and of the learned filters; 0 without filters
        double network_gradient_norm = 0.0, filters_gradient_norm = 0.0;
        std::vector<double> filter_norms;  ///< after the step; empty unless the variant learns filters
    };
    /// Waits for the pending steps and returns their metrics, oldest first.
    std::vector<Metrics> drain_metrics();

    /// Number of kernels and copies in the graph; 0 if steps do not run as a graph.
    std::size_t graph_size() const { return graph_ ? graph_->size() : 0; }
    /// Why steps could not be captured as a graph; empty otherwise.
    const std::string& no_graph_reason() const { return no_graph_reason_; }

  private:
    void launch();
    Tensor sum_shards();
    Tensor sum_gradients(const ShardSum& shards, int last_shard);
    void measure_gradients();
    void capture();

    PatchSampler& sampler_;
    Learner learner_;
    Shards shards_;
    bool as_graph_, has_run_ = false;
    StepClock clock_;
    kernels::StepMetrics shape_;
    Tensor metrics_;         // [max_pending, terms + norms], float64: a ring
    Tensor norms_;           // [norms]: of the filters, then the metrics of measure_gradients()
    Tensor received_;        // gradients of other processes; undefined without them
    std::int64_t next_ = 0;  // step of the epoch
    std::int64_t pending_ = 0;
    std::unique_ptr<Graph> graph_;
    std::string no_graph_reason_;
};

}  // namespace dnsp
