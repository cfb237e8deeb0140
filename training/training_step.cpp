#include "training/training_step.hpp"

#include "engine/kernel_for.hpp"
#include "priors/filter_bank.hpp"

namespace dnsp {

TrainingStep::TrainingStep(const Parts& parts, bool as_graph)
    : parts_(parts),
      as_graph_(as_graph && parts.store.values().device().kind == DeviceKind::cuda),
      clock_(parts.store.values().device()) {
    const Device device = parts_.store.values().device();
    const FilterBank* filters = parts_.objective.filters();
    shape_ = {2 * static_cast<std::int64_t>(parts_.objective.terms().size()) + 1,
              filters ? filters->filters() : 0, most_unread};
    figures_ = Tensor::empty({shape_.rows, shape_.terms + shape_.norms}, DType::float64, device);
    filter_norms_ = Tensor::empty({shape_.norms}, DType::float64, device);
}

void TrainingStep::begin_epoch(std::int64_t epoch, std::int64_t first,
                               const std::vector<LearningRates>& rates) {
    require(unread_ == 0, "[training] figures of an epoch must be taken before the next one begins");
    parts_.sampler.begin_epoch(epoch);
    parts_.adam.plan(first, rates);
    clock_.set({epoch, first});
    next_ = first;
}

void TrainingStep::start() {
    const Batch batch = parts_.sampler.batch(clock_);
    parts_.store.discard_gradients();
    Tape tape;
    // The output is not kept: its gradient then goes on without a copy.
    const Objective::Evaluation evaluation =
        parts_.objective.evaluate(tape, {parts_.model.forward(tape, batch.input), batch.target, batch.input});
    tape.backward(evaluation.loss);
    parts_.adam.planned_step(clock_);
    if (FilterBank* filters = parts_.objective.filters()) {
        filters->constrain();
        filters->write_norms(filter_norms_);
    }
    DNSP_KERNEL_FOR(figures_.device(), finish_step)
    (shape_, evaluation.metrics.data<double>(), filter_norms_.data<double>(), clock_.position(),
     figures_.data<double>());
}

/// The step that has just run has left in the arena all the memory that another one needs.
void TrainingStep::record() {
    try {
        graph_ = std::make_unique<Graph>([this] { start(); });
    } catch (const CaptureError& error) {
        as_graph_ = false;
        not_a_graph_because_ = error.what();
    }
}

void TrainingStep::run() {
    require(unread_ < most_unread, "[training] the figures of the last steps have not been taken");
    if (as_graph_ && has_run_ && !graph_) record();
    if (graph_)
        graph_->launch();
    else
        start();
    has_run_ = true;
    parts_.adam.count_step();
    ++next_;
    ++unread_;
}

std::vector<TrainingStep::Figures> TrainingStep::take_figures() {
    const std::int64_t width = shape_.terms + shape_.norms;
    const std::vector<double> ring = figures_.to_vector<double>();
    std::vector<Figures> taken;
    for (std::int64_t step = next_ - unread_; step < next_; ++step) {
        const auto row = std::span(ring).subspan(static_cast<std::size_t>(step % shape_.rows * width),
                                                 static_cast<std::size_t>(width));
        const auto norms = row.subspan(static_cast<std::size_t>(shape_.terms));
        taken.push_back({parts_.objective.report(row.first(static_cast<std::size_t>(shape_.terms))),
                         {norms.begin(), norms.end()}});
    }
    unread_ = 0;
    return taken;
}

}  // namespace dnsp
