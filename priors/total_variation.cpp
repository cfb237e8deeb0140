#include "priors/total_variation.hpp"

#include "engine/kernel_for.hpp"
#include "kernels/total_variation.hpp"

namespace dnsp {

ClosedForm total_variation(const Tensor& output, double epsilon) {
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

class TotalVariation : public Prior {
  public:
    explicit TotalVariation(const PriorOptions& options) : epsilon_(options.total_variation_epsilon) {}
    ClosedForm evaluate(const Tensor& output) override { return total_variation(output, epsilon_); }

  private:
    double epsilon_;
};

const PriorRegistration registration{
    "total_variation", "TV, smoothed isotropic total variation",
    [](PriorContext& c) { return std::make_unique<TotalVariation>(c.options); }};

}  // namespace
}  // namespace dnsp
