#include "priors/low_rank.hpp"

#include "engine/kernel_for.hpp"

namespace dnsp {

void LowRankOptions::visit(OptionVisitor& v) {
    v.option({.key = "delta",
              .flag = "--delta",
              .help = "δ of the low-rank surrogate",
              .group = "Priors",
              .range = Range::positive},
             delta);
    v.option({.key = "low_rank_method",
              .flag = "--low-rank",
              .help = "method for the gradient of the low-rank surrogate; cusolver needs a CUDA device",
              .group = "Priors"},
             method,
             {{"exponential", LowRankMethod::matrix_exponential},
              {"svd", LowRankMethod::svd},
              {"cusolver", LowRankMethod::cusolver}});
}

namespace {

template <class T>
auto kernel_of(LowRankMethod method, Device device) {
    switch (method) {
        case LowRankMethod::svd:
            return DNSP_KERNEL_FOR(device, low_rank_svd<T>);
        case LowRankMethod::cusolver:
            require(device.kind == DeviceKind::cuda, "[low_rank] the method cusolver needs a CUDA device");
            if constexpr (DNSP_HAS_CUDA) return &kernels::cuda::low_rank_cusolver<T>;
            break;
        case LowRankMethod::matrix_exponential:
            break;
    }
    return DNSP_KERNEL_FOR(device, low_rank_matrix_exponential<T>);
}

}  // namespace

TermValue low_rank(const Tensor& output, double delta, LowRankMethod method) {
    require_images(output, "low_rank");
    require(delta > 0, "[low_rank] delta must be positive");
    const Shape& s = output.shape();
    const Tensor gradient = Tensor::empty_like(output);
    const Tensor values = Tensor::empty({s[0]}, DType::float64, output.device());
    dispatch(output.dtype(), [&]<class T>() {
        kernel_of<T>(method, output.device())({s[0], s[1], s[2], delta}, output.data<T>(),
                                              values.data<double>(), gradient.data<T>());
    });
    return {values, 1.0 / static_cast<double>(s[0]), {{output, gradient}}};
}

namespace {

class LowRank : public LossTerm {
  public:
    using Options = LowRankOptions;
    explicit LowRank(const Options& options) : options_(options) {}
    TermValue evaluate(const StepImages& images) override {
        return low_rank(images.output, options_.delta, options_.method);
    }

  private:
    Options options_;
};

const TermRegistration<LowRank> registration{"low_rank", "R_δ, smooth surrogate of rank"};

}  // namespace
}  // namespace dnsp
