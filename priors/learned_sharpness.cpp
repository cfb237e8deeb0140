#include "priors/learned_sharpness.hpp"

#include <fmt/format.h>

#include "engine/kernel_for.hpp"
#include "priors/filter_bank.hpp"

namespace dnsp {

TermValue learned_sharpness(const Tensor& output, const Tensor& filters, Border border) {
    require_images(output, "sharpness");
    require_one_device("sharpness", output, filters);
    const Shape &s = output.shape(), &f = filters.shape();
    require(f.rank() == 3 && f[1] == f[2] && f[1] % 2 == 1,
            fmt::format("[sharpness] filters expect [number, k, k] with odd k, got {}", f.text()));
    require(filters.dtype() == output.dtype(), "[sharpness] filters and output must have one dtype");
    const kernels::FilterVarianceShape shape{s[0], s[1], s[2], f[0], f[1], border};
    require(shape.response_height() > 0 && shape.response_width() > 0 &&
                shape.response_height() * shape.response_width() > 1,
            fmt::format(
                "[sharpness] images of shape {} are too small for the variance of a {}×{} filter's response",
                s.text(), f[1], f[1]));
    const Tensor gradient = Tensor::empty_like(output);
    const bool learn = filters.requires_gradient();
    const Tensor filter_gradient = learn ? Tensor::empty_like(filters) : Tensor();
    const Tensor values = Tensor::empty({s[0]}, DType::float64, output.device());
    dispatch(output.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(output.device(), filter_variance<T>)
        (shape, output.data<T>(), filters.data<T>(), values.data<double>(), gradient.data<T>(),
         learn ? filter_gradient.data<T>() : nullptr);
    });
    std::vector<InputGradient> gradients{{output, gradient}};
    if (learn) gradients.push_back({filters, filter_gradient});
    return {values, 1.0 / static_cast<double>(s[0]), std::move(gradients)};
}

namespace {

class LearnedSharpness : public LossTerm {
  public:
    using Options = FilterOptions;
    explicit LearnedSharpness(TermContext& context)
        : filters_(context.filter_bank()), border_(context.options<Options>().border) {}
    TermValue evaluate(const StepImages& images) override {
        return learned_sharpness(images.output, filters_->weights(), border_);
    }

  private:
    std::shared_ptr<FilterBank> filters_;
    Border border_;
};

const TermRegistration<LearnedSharpness> registration{
    "learned_sharpness", "V_mod, mean variance of the learned filters' responses"};

}  // namespace
}  // namespace dnsp
