#include "priors/filter_measure.hpp"

#include <fmt/format.h>

#include "engine/kernel_for.hpp"
#include "kernels/filter_measure.hpp"
#include "priors/filter_bank.hpp"

namespace dnsp {

FilterMeasure::FilterMeasure(const SharpAndSmooth& patches, std::int64_t kernel, Border border, Device device)
    : taps_(kernel * kernel), gram_(Tensor::zeros({taps_, taps_}, DType::float64, device)) {
    for (const auto& [set, sign] : {std::pair{patches.smooth, 1.0}, std::pair{patches.sharp, -1.0}}) {
        require_images(set, "filter_measure");
        const Shape& s = set.shape();
        const kernels::FilterVarianceShape shape{s[0], s[1], s[2], 1, kernel, border};
        require(shape.response_height() > 0 && shape.response_width() > 0,
                fmt::format("[filter_measure] patches of shape {} are smaller than the filters", s.text()));
        const Tensor values = set.to(device);
        dispatch(set.dtype(), [&, factor = sign]<class T>() {
            DNSP_KERNEL_FOR(device, accumulate_tap_gram<T>)
            (shape, values.data<T>(), factor, gram_.data<double>());
        });
    }
}

TermValue FilterMeasure::evaluate(const Tensor& filters) const {
    const Shape& f = filters.shape();
    require(
        f.rank() == 3 && f[1] * f[2] == taps_,
        fmt::format("[filter_measure] filters expect [number, k, k] with {} taps, got {}", taps_, f.text()));
    require_one_device("filter_measure", gram_, filters);
    const Tensor gradient = Tensor::empty_like(filters);
    const Tensor value = Tensor::empty({1}, DType::float64, filters.device());
    dispatch(filters.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(filters.device(), filter_measure<T>)
        (f[0], taps_, gram_.data<double>(), filters.data<T>(), value.data<double>(), gradient.data<T>());
    });
    return {value, 1.0, {{filters, gradient}}};
}

namespace {

class FilterMeasureTerm : public LossTerm {
  public:
    using Options = FilterOptions;
    explicit FilterMeasureTerm(TermContext& context)
        : filters_(context.filter_bank()), border_(context.options<Options>().border) {}

    bool needs_patches() const override { return true; }
    bool reads_images() const override { return false; }
    void prepare(const SharpAndSmooth& patches) override {
        const Tensor& weights = filters_->weights();
        measure_ = std::make_unique<FilterMeasure>(patches, weights.shape()[1], border_, weights.device());
    }
    TermValue evaluate(const StepImages&) override {
        require(measure_ != nullptr, "[filter_measure] needs prepare() before the first evaluate()");
        return measure_->evaluate(filters_->weights());
    }

  private:
    std::shared_ptr<FilterBank> filters_;
    Border border_;
    std::unique_ptr<FilterMeasure> measure_;
};

const TermRegistration<FilterMeasureTerm> registration{
    "filter_measure", "S, energy of the learned filters' responses: smooth patches minus sharp patches"};

}  // namespace

}  // namespace dnsp
