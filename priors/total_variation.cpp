#include "priors/total_variation.hpp"

#include "engine/kernel_for.hpp"
#include "kernels/total_variation.hpp"

namespace dnsp {

TermValue total_variation(const Tensor& output, double epsilon) {
    require_images(output, "total_variation");
    require(epsilon > 0, "[total_variation] epsilon must be positive");
    const Shape& s = output.shape();
    const Tensor gradient = Tensor::empty_like(output);
    const Tensor values = Tensor::empty({s[0]}, DType::float64, output.device());
    dispatch(output.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(output.device(), total_variation<T>)
        ({s[0], s[1], s[2], epsilon}, output.data<T>(), values.data<double>(), gradient.data<T>());
    });
    return {values, 1.0 / static_cast<double>(s[0]), {{output, gradient}}};
}

namespace {

class TotalVariation : public LossTerm {
  public:
    using Options = TotalVariationOptions;
    explicit TotalVariation(const Options& options) : epsilon_(options.epsilon) {}
    TermValue evaluate(const StepImages& images) override { return total_variation(images.output, epsilon_); }

  private:
    double epsilon_;
};

const TermRegistration<TotalVariation> registration{"total_variation",
                                                    "TV, smoothed isotropic total variation"};

}  // namespace
}  // namespace dnsp
