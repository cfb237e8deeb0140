#include "priors/sharpness.hpp"

#include "priors/filter_bank.hpp"
#include "priors/learned_sharpness.hpp"

namespace dnsp {
namespace {

/// The Laplacian as one filter, [1, 3, 3].
Constant laplacian_filter(double scale) { return {{1, 3, 3}, laplacian(scale)}; }

class Sharpness : public LossTerm {
  public:
    using Options = FilterOptions;
    explicit Sharpness(const Options& options)
        : filter_(laplacian_filter(options.laplacian_scale)), border_(options.border) {}
    TermValue evaluate(const StepImages& images) override {
        return learned_sharpness(images.output, filter_.like(images.output), border_);
    }

  private:
    Constant filter_;
    Border border_;
};

const TermRegistration<Sharpness> registration{"sharpness", "V, variance of the Laplacian"};

}  // namespace

TermValue sharpness(const Tensor& output, double laplacian_scale, Border border) {
    return learned_sharpness(output, laplacian_filter(laplacian_scale).like(output), border);
}

}  // namespace dnsp
