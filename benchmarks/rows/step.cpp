// A training step (train_step()) of a network under a variant of the paper. On a CUDA device all steps but
// the first run as one graph, as in training. Parameters: model, depth, width, batch, patch, prior ("AP",
// "NP").
#include <fmt/format.h>

#include "benchmarks/rows/network.hpp"
#include "engine/graph.hpp"
#include "priors/filter_bank.hpp"
#include "priors/low_rank.hpp"
#include "training/training_step.hpp"

namespace dnsp::benchmarks {
namespace {

class Step : public Row {
  public:
    Step(const Parameters& p, Device device)
        : batch_(p.value("batch", 64)),
          patch_(p.value("patch", 40)),
          network_(p),
          clock_(device),
          loss_(Tensor::empty({1}, DType::float64, device)) {
        ObjectiveOptions options;
        options.variant = p.value("prior", "AP");
        objective_ = std::make_unique<Objective>(options, network_.store);
        network_.allocate(device);
        const auto in_double = [](const Tensor& images) {
            const std::vector<float> values = images.to_vector<float>();
            return Tensor::from<double>(images.shape(), std::vector<double>(values.begin(), values.end()));
        };
        sharp_ = in_double(wavy_images(8, patch_, patch_, 0.2, 2));
        smooth_ = in_double(wavy_images(8, patch_, patch_, 0.0, 3));
        if (objective_->needs_patches()) objective_->prepare({sharp_, smooth_});
        if (objective_->filters()) objective_->filters()->reference_norms();
        adam_ = std::make_unique<Adam>(network_.store, AdamOptions{});
        adam_->plan(0, {LearningRates{}});
        weights_ = network_.weights();
        images_ = wavy_images(batch_, patch_, patch_, 0.02, 1);
        target_ = wavy_images(batch_, patch_, patch_, 0.05, 1);
        input_on_device_ = images_.to(device);
        target_on_device_ = target_.to(device);
    }

    TensorFile inputs() const override {
        TensorFile file{weights_, {}};
        for (const auto& [name, tensor] : {std::pair{"input", images_}, std::pair{"target", target_},
                                           std::pair{"sharp", sharp_}, std::pair{"smooth", smooth_}})
            file.tensors.emplace(name, tensor);
        const ObjectiveOptions& o = objective_->options();
        file.metadata = {{"alpha", fmt::format("{}", o.alpha)},
                         {"beta", fmt::format("{}", o.beta)},
                         {"gamma", fmt::format("{}", o.gamma)},
                         {"delta", fmt::format("{}", o.terms.get<LowRankOptions>().delta)}};
        return file;
    }
    void run() override {
        const bool on_cuda = input_on_device_.device().kind == DeviceKind::cuda;
        if (on_cuda && has_run_ && !graph_) graph_ = std::make_unique<Graph>([this] { step(); });
        graph_ ? graph_->launch() : step();
        has_run_ = true;
    }
    TensorFile results() const override {
        TensorFile file{{{"loss", loss_.to({})}}, {}};
        for (const ParameterStore::Parameter& p : network_.store.parameters())
            if (is_trained(p.group)) file.tensors.emplace("gradient." + p.name, p.value.gradient().to({}));
        return file;
    }
    /// Three passes. Includes the first layer's input gradient, although it is not computed.
    Cost cost() const override {
        const double pixels = static_cast<double>(batch_ * patch_ * patch_);
        return {.flops = 3 * pixels * network_.flops_per_pixel()};
    }

  private:
    /// Always uses the learning rate and bias corrections of the first step.
    void step() {
        const Objective::Evaluation evaluation =
            train_step({*network_.model, *objective_, network_.store, *adam_},
                       {input_on_device_, target_on_device_}, clock_);
        loss_.copy_from(evaluation.loss.view(0, {1}));
    }

    std::int64_t batch_, patch_;
    Network network_;
    std::unique_ptr<Objective> objective_;
    std::unique_ptr<Adam> adam_;
    std::map<std::string, Tensor> weights_;
    Tensor sharp_, smooth_, images_, target_, input_on_device_, target_on_device_;
    StepClock clock_;
    Tensor loss_;
    bool has_run_ = false;
    std::unique_ptr<Graph> graph_;
};

const RowRegistration registration{
    "step", [](const Parameters& p, Device device) { return std::make_unique<Step>(p, device); }};

}  // namespace
}  // namespace dnsp::benchmarks
