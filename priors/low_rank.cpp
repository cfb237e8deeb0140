#include "priors/low_rank.hpp"

#include <fmt/format.h>

#include "engine/kernel_for.hpp"

namespace dnsp {

LowRankMethod parse_low_rank_method(const std::string& name) {
    if (name == "exponential") return LowRankMethod::matrix_exponential;
    if (name == "svd") return LowRankMethod::svd;
    if (name == "cusolver") return LowRankMethod::cusolver;
    throw Error(fmt::format("[low_rank] unknown method '{}', expected exponential, svd or cusolver", name));
}

namespace {

template <class T>
auto kernel_of(LowRankMethod method, Device device) {
    switch (method) {
        case LowRankMethod::svd:
            return DNSP_KERNEL_FOR(device, low_rank_svd<T>);
        case LowRankMethod::cusolver:
            require(device.kind == DeviceKind::cuda, "[low_rank] the method cusolver needs a CUDA device");
            return &kernels::cuda::low_rank_cusolver<T>;
        case LowRankMethod::matrix_exponential:
            break;
    }
    return DNSP_KERNEL_FOR(device, low_rank_matrix_exponential<T>);
}

}  // namespace

ClosedForm low_rank(const Tensor& output, double delta, LowRankMethod method) {
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

class LowRank : public Prior {
  public:
    explicit LowRank(const PriorOptions& options)
        : delta_(options.delta), method_(parse_low_rank_method(options.low_rank_method)) {}
    ClosedForm evaluate(const Tensor& output) override { return low_rank(output, delta_, method_); }

  private:
    double delta_;
    LowRankMethod method_;
};

const PriorRegistration registration{"low_rank", "R_δ, smooth surrogate of rank",
                                     [](PriorContext& c) { return std::make_unique<LowRank>(c.options); }};

}  // namespace
}  // namespace dnsp
