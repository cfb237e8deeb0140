#include "training/training_step.hpp"

#include <cmath>

#include "engine/kernel_for.hpp"
#include "kernels/copy_rows.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/weighted_sum.hpp"
#include "priors/filter_bank.hpp"
#include "training/gradient_exchange.hpp"

namespace dnsp {
namespace {

/// weighted_sum() of the gradients of the trained groups writes their values, which are 0, their norms and
/// the sum of the values.
constexpr std::int64_t gradient_metrics = 2 * trained_group_count + 1;

/// The first channel of [n, h, w, c]: the intensity.
Tensor first_channel(const Tensor& images) {
    const Shape& s = images.shape();
    if (s[3] == 1) return images;
    Tensor channel = Tensor::empty({s[0], s[1], s[2], 1}, images.dtype(), images.device());
    dispatch(images.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(images.device(), copy_rows<T>)
        ({s[0] * s[1] * s[2], 1, s[3], 1}, images.data<T>(), channel.data<T>());
    });
    return channel;
}

}  // namespace

Objective::Evaluation compute_gradients(const Learner& learner, const Batch& batch,
                                        const std::function<void()>& after_step) {
    learner.store.discard_gradients();
    Tape tape;
    const Tensor intensity = first_channel(batch.input);
    // The output is a temporary, so the backward pass can reuse the memory of its gradient.
    Objective::Evaluation evaluation =
        learner.objective.evaluate(tape, {learner.model.forward(tape, batch.input), batch.target, intensity});
    tape.backward(evaluation.loss, after_step);
    return evaluation;
}

void update_parameters(const Learner& learner, const StepClock& clock) {
    learner.adam.planned_step(clock);
    if (FilterBank* filters = learner.objective.filters()) filters->constrain();
}

Objective::Evaluation train_step(const Learner& learner, const Batch& batch, const StepClock& clock) {
    const Objective::Evaluation evaluation = compute_gradients(learner, batch);
    update_parameters(learner, clock);
    return evaluation;
}

TrainingStep::TrainingStep(PatchSampler& sampler, const Learner& learner, bool as_graph, const Shards& shards)
    : sampler_(sampler),
      learner_(learner),
      shards_(shards),
      as_graph_(as_graph && shards.count() == 1 && learner.store.values().device().kind == DeviceKind::cuda),
      clock_(learner.store.values().device()) {
    const Device device = learner_.store.values().device();
    const FilterBank* filters = learner_.objective.filters();
    shape_ = {2 * static_cast<std::int64_t>(learner_.objective.terms().size()) + 1,
              (filters ? filters->filters() : 0) + gradient_metrics, max_pending};
    metrics_ = Tensor::empty({shape_.rows, shape_.terms + shape_.norms}, DType::float64, device);
    norms_ = Tensor::empty({shape_.norms}, DType::float64, device);
    const Tensor& gradients = learner_.store.gradients();
    if (shards_.processes().count() > 1)
        received_ = Tensor::empty({elements_received(gradients.elements())}, gradients.dtype(), device);
}

void TrainingStep::begin_epoch(std::int64_t epoch, std::int64_t first,
                               const std::vector<LearningRates>& rates) {
    require(pending_ == 0, "[training] the metrics of an epoch must be read before the next one begins");
    sampler_.begin_epoch(epoch);
    learner_.adam.plan(first, rates);
    clock_.set({epoch, first});
    next_ = first;
}

/// The gradients are those of the step, until the next one begins.
void TrainingStep::measure_gradients() {
    const ParameterStore& store = learner_.store;
    dispatch(store.gradients().dtype(), [&]<class T>() {
        kernels::UpTo16<kernels::Term<T>> groups;
        for (int g = 0; g < trained_group_count; ++g) {
            const auto& [first, count] = store.segment(static_cast<ParameterGroup>(g));
            groups.item[static_cast<std::size_t>(groups.count++)] = {
                .gradient = store.gradients().data<T>() + first, .elements = count};
        }
        DNSP_KERNEL_FOR(norms_.device(), weighted_sum<T>)
        (groups, norms_.data<double>() + shape_.norms - gradient_metrics);
    });
}

/// Leaves the mean gradients of all shards in the store. Returns the metrics of the batch.
Tensor TrainingStep::sum_shards() {
    const int count = shards_.count();
    const std::vector<Objective::Term> terms = learner_.objective.terms();
    // A gradient norm over the batch is the root of a sum of squares. The gradient of a term that does not
    // read the images is the same in each shard.
    const auto for_each_norm = [&](std::vector<double>& metrics, double (*change)(double)) {
        for (std::size_t i = 0; i < terms.size(); ++i)
            if (terms[i].reads_images) metrics[terms.size() + i] = change(metrics[terms.size() + i]);
    };
    ShardSum gradients(shards_);
    std::vector<Tensor> of_shards;
    const int last = shards_.first() + shards_.own() - 1;
    for (int shard = shards_.first(); shard < last; ++shard) {
        of_shards.push_back(compute_gradients(learner_, sampler_.batch(clock_, count, shard)).metrics);
        learner_.store.complete_gradients();
        gradients.add(learner_.store.gradients());
    }
    of_shards.push_back(sum_gradients(gradients, last));

    ShardSum metrics(shards_);
    Tensor total;
    for (const Tensor& of_shard : of_shards) {
        std::vector<double> values = of_shard.to_vector<double>();
        for_each_norm(values, [](double norm) { return norm * norm; });
        total = Tensor::from<double>(of_shard.shape(), values);
        if (&of_shard != &of_shards.back()) metrics.add(total);
    }
    metrics.total(total);
    std::vector<double> values = total.to_vector<double>();
    for_each_norm(values, [](double squares) { return std::sqrt(squares); });
    for (double& value : values) value /= count;
    return Tensor::from<double>(total.shape(), values, metrics_.device());
}

/// Computes the gradients of the last shard and leaves the mean of all in the store. Returns the metrics of
/// the last shard.
Tensor TrainingStep::sum_gradients(const ShardSum& shards, int last_shard) {
    // More pieces begin sooner and cost more messages.
    constexpr std::int64_t pieces = 8;
    ParameterStore& store = learner_.store;
    const Tensor& gradients = store.gradients();
    const std::int64_t elements = gradients.elements();
    GradientExchange exchange(shards, gradients, received_);
    FinishedGradients finished(store);
    std::int64_t end = elements;
    const auto send_from = [&](std::int64_t first) {
        store.complete_gradients(first);
        exchange.send(first, end - first);
        end = first;
    };
    const Batch batch = sampler_.batch(clock_, shards_.count(), last_shard);
    const Tensor metrics = compute_gradients(learner_, batch, [&] {
                               const std::int64_t first = finished.first();
                               if (first < end && end - first >= elements / pieces) send_from(first);
                           }).metrics;
    if (end > 0) send_from(0);
    exchange.finish();
    dispatch(gradients.dtype(), [&]<class T>() {
        T* const values = gradients.data<T>();
        DNSP_KERNEL_FOR(gradients.device(), scale<T>)(elements, 1.0 / shards_.count(), values, values);
    });
    return metrics;
}

void TrainingStep::launch() {
    Tensor metrics;
    if (shards_.count() == 1)
        metrics = compute_gradients(learner_, sampler_.batch(clock_)).metrics;
    else
        metrics = sum_shards();
    update_parameters(learner_, clock_);
    measure_gradients();
    if (FilterBank* filters = learner_.objective.filters())
        filters->write_norms(norms_.view(0, {filters->filters()}));
    DNSP_KERNEL_FOR(metrics_.device(), finish_step)
    (shape_, metrics.data<double>(), norms_.data<double>(), clock_.position(), metrics_.data<double>());
}

/// Precondition: a step has run, so the arena has cached the memory that a step needs.
void TrainingStep::capture() {
    try {
        graph_ = std::make_unique<Graph>([this] { launch(); });
    } catch (const CaptureError& error) {
        as_graph_ = false;
        no_graph_reason_ = error.what();
    }
}

void TrainingStep::run() {
    require(pending_ < max_pending, "[training] the metrics of the last steps have not been read");
    if (as_graph_ && has_run_ && !graph_) capture();
    if (graph_)
        graph_->launch();
    else
        launch();
    has_run_ = true;
    learner_.adam.count_step();
    ++next_;
    ++pending_;
}

std::vector<TrainingStep::Metrics> TrainingStep::drain_metrics() {
    const std::int64_t width = shape_.terms + shape_.norms;
    const std::vector<double> ring = metrics_.to_vector<double>();
    std::vector<Metrics> taken;
    for (std::int64_t step = next_ - pending_; step < next_; ++step) {
        const auto row = std::span(ring).subspan(static_cast<std::size_t>(step % shape_.rows * width),
                                                 static_cast<std::size_t>(width));
        const auto gradients = row.last(gradient_metrics).subspan(trained_group_count, trained_group_count);
        const auto filters = row.subspan(static_cast<std::size_t>(shape_.terms))
                                 .first(static_cast<std::size_t>(shape_.norms - gradient_metrics));
        taken.push_back({learner_.objective.report(row.first(static_cast<std::size_t>(shape_.terms))),
                         gradients[0],
                         gradients[1],
                         {filters.begin(), filters.end()}});
    }
    pending_ = 0;
    return taken;
}

}  // namespace dnsp
