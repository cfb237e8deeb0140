#include "priors/filter_measure.hpp"

#include <fmt/format.h>

#include "kernels/filter_measure.hpp"
#include "layers/closed_form.hpp"

namespace dnsp {

FilterMeasure::FilterMeasure(const SharpAndSmooth& patches, std::int64_t kernel, Border border)
    : taps_(kernel * kernel), gram_(static_cast<std::size_t>(taps_ * taps_), 0.0) {
    for (const auto& [set, sign] : {std::pair{patches.smooth, 1.0}, std::pair{patches.sharp, -1.0}}) {
        require_images(set, "filter_measure");
        const Shape& s = set.shape();
        const kernels::FilterVarianceShape shape{s[0], s[1], s[2], 1, kernel, border};
        require(shape.response_height() > 0 && shape.response_width() > 0,
                fmt::format("[filter_measure] patches of shape {} are smaller than the filters", s.text()));
        dispatch(set.dtype(), [&, sign = sign, &values = set]<class T>() {
            kernels::cpu::accumulate_tap_gram<T>(shape, values.template data<T>(), sign, gram_.data());
        });
    }
}

PriorTerm FilterMeasure::evaluate(Tape& tape, const Tensor& filters) const {
    const Shape& f = filters.shape();
    require(
        f.rank() == 3 && f[1] * f[2] == taps_,
        fmt::format("[filter_measure] filters expect [number, k, k] with {} taps, got {}", taps_, f.text()));
    require_cpu(filters, "filter_measure");
    const Tensor gradient = Tensor::empty_like(filters);
    double value = 0.0;
    dispatch(filters.dtype(), [&]<class T>() {
        value =
            kernels::cpu::filter_measure<T>(f[0], taps_, gram_.data(), filters.data<T>(), gradient.data<T>());
    });
    return {record_closed_form(tape, value, {{filters, gradient}}), gradient};
}

}  // namespace dnsp
