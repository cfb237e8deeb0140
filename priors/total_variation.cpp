#include "priors/total_variation.hpp"

#include "engine/on_device.hpp"
#include "kernels/total_variation.hpp"
#include "layers/closed_form.hpp"

namespace dnsp {

PriorTerm total_variation(Tape& tape, const Tensor& output, double epsilon) {
    require_images(output, "total_variation");
    require(epsilon > 0, "[total_variation] epsilon must be positive");
    const Shape& s = output.shape();
    const Tensor gradient = Tensor::empty_like(output);
    const Tensor values = Tensor::empty({s[0]}, DType::float64, output.device());
    dispatch(output.dtype(), [&]<class T>() {
        on(output.device(), kernels::cpu::total_variation<T>, kernels::cuda::total_variation<T>)(
            {s[0], s[1], s[2], epsilon}, output.data<T>(), values.data<double>(), gradient.data<T>());
    });
    average_over_batch(gradient, s[0]);
    return {record_closed_form(tape, batch_mean(values), {{output, gradient}}), gradient};
}

namespace {

class TotalVariation : public Prior {
  public:
    explicit TotalVariation(const PriorOptions& options) : epsilon_(options.total_variation_epsilon) {}
    PriorTerm evaluate(Tape& tape, const Tensor& output) override {
        return total_variation(tape, output, epsilon_);
    }

  private:
    double epsilon_;
};

const PriorRegistration registration{
    "total_variation", "TV, smoothed isotropic total variation",
    [](PriorContext& c) { return std::make_unique<TotalVariation>(c.options); }};

}  // namespace
}  // namespace dnsp
