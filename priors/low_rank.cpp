#include "priors/low_rank.hpp"

#include <fmt/format.h>

#include "layers/closed_form.hpp"

namespace dnsp {

LowRankMethod parse_low_rank_method(const std::string& name) {
    if (name == "exponential") return LowRankMethod::matrix_exponential;
    if (name == "svd") return LowRankMethod::svd;
    throw Error(fmt::format("[low_rank] unknown method '{}', expected exponential or svd", name));
}

PriorTerm low_rank(Tape& tape, const Tensor& output, double delta, LowRankMethod method) {
    require_images(output, "low_rank");
    require(delta > 0, "[low_rank] delta must be positive");
    const Shape& s = output.shape();
    const kernels::LowRankShape shape{s[0], s[1], s[2], delta};
    const Tensor gradient = Tensor::empty_like(output);
    std::vector<double> values(static_cast<std::size_t>(s[0]));
    dispatch(output.dtype(), [&]<class T>() {
        if (method == LowRankMethod::svd)
            kernels::cpu::low_rank_svd<T>(shape, output.data<T>(), values.data(), gradient.data<T>());
        else
            kernels::cpu::low_rank_matrix_exponential<T>(shape, output.data<T>(), values.data(),
                                                         gradient.data<T>());
    });
    average_over_batch(gradient, s[0]);
    return {record_closed_form(tape, batch_mean(values), {{output, gradient}}), gradient};
}

namespace {

class LowRank : public Prior {
  public:
    explicit LowRank(const PriorOptions& options)
        : delta_(options.delta), method_(parse_low_rank_method(options.low_rank_method)) {}
    PriorTerm evaluate(Tape& tape, const Tensor& output) override {
        return low_rank(tape, output, delta_, method_);
    }

  private:
    double delta_;
    LowRankMethod method_;
};

const PriorRegistration registration{"low_rank", "R_δ, smooth surrogate of rank",
                                     [](PriorContext& c) { return std::make_unique<LowRank>(c.options); }};

}  // namespace
}  // namespace dnsp
