#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/adam.hpp"
#include "engine/graph.hpp"
#include "models/model.hpp"
#include "priors/objective.hpp"
#include "training/patch_sampler.hpp"

namespace dnsp {

/// One step of training, all on the device: gather and mirror the patches, forward, priors, backward, Adam,
/// the filters' norms. What changes from step to step (the patches, the learning rates) it finds through a
/// clock in device memory, and its figures go to a row of a table there. So it needs no word with the host,
/// and on a CUDA device its first repetition is recorded as a graph, which all later steps are.
class TrainingStep {
  public:
    /// What a step works on. `adam` must have room for the plan of an epoch.
    struct Parts {
        PatchSampler& sampler;
        const Model& model;
        const Objective& objective;
        ParameterStore& store;
        Adam& adam;
    };
    TrainingStep(const Parts& parts, bool as_graph);

    /// The next run() is step `first` of `epoch`; rates[k] are those of step first + k.
    void begin_epoch(std::int64_t epoch, std::int64_t first, const std::vector<LearningRates>& rates);

    /// Starts the next step, of which there is one in the epoch, and does not wait for it. At most
    /// `most_unread` may be started between two calls of take_figures().
    void run();
    static constexpr std::int64_t most_unread = 64;
    std::int64_t unread() const { return unread_; }

    struct Figures {
        Objective::Report report;
        std::vector<double> filter_norms;  ///< after the step; empty unless the variant learns filters
    };
    /// Of the steps since the last call, oldest first. Waits for them. To be called before begin_epoch().
    std::vector<Figures> take_figures();

    /// Kernels and copies of the graph; 0 unless steps run as one.
    std::size_t graph_size() const { return graph_ ? graph_->size() : 0; }
    /// Why steps do not run as a graph although they should; empty otherwise.
    const std::string& not_a_graph_because() const { return not_a_graph_because_; }

  private:
    void start();
    void record();

    Parts parts_;
    bool as_graph_, has_run_ = false;
    StepClock clock_;
    kernels::StepFigures shape_;
    Tensor figures_;                      // [most_unread, terms + norms], float64: a ring
    Tensor filter_norms_;                 // [norms]
    std::int64_t next_ = 0, unread_ = 0;  // step of the epoch
    std::unique_ptr<Graph> graph_;
    std::string not_a_graph_because_;
};

}  // namespace dnsp
