#include "priors/sharpness.hpp"

#include "priors/filter_bank.hpp"
#include "priors/learned_sharpness.hpp"

namespace dnsp {

namespace {

/// One filter like `output`, [1, 3, 3].
Tensor laplacian_like(const Tensor& output, double scale) {
    const std::vector<double> taps = laplacian(scale);
    return dispatch(output.dtype(), [&]<class T>() {
        return Tensor::from<T>({1, 3, 3}, std::vector<T>(taps.begin(), taps.end()), output.device());
    });
}

}  // namespace

ClosedForm sharpness(const Tensor& output, double laplacian_scale, Border border) {
    return learned_sharpness(output, laplacian_like(output, laplacian_scale), border);
}

namespace {

class Sharpness : public Prior {
  public:
    explicit Sharpness(const PriorOptions& options) : options_(options) {}
    ClosedForm evaluate(const Tensor& output) override {
        // Made once: a step that is recorded as a graph takes nothing from the host.
        if (!filter_.defined() || filter_.dtype() != output.dtype() || filter_.device() != output.device())
            filter_ = laplacian_like(output, options_.laplacian_scale);
        return learned_sharpness(output, filter_, options_.border);
    }

  private:
    PriorOptions options_;
    Tensor filter_;
};

const PriorRegistration registration{"sharpness", "V, variance of the Laplacian",
                                     [](PriorContext& c) { return std::make_unique<Sharpness>(c.options); }};

}  // namespace
}  // namespace dnsp
