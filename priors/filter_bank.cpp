#include "priors/filter_bank.hpp"

#include <cmath>

#include "kernels/elementwise.hpp"

namespace dnsp {

constexpr std::int64_t side = 3;
constexpr std::int64_t taps = side * side;

std::vector<double> laplacian(double scale) {
    return {0, -scale, 0, -scale, 4 * scale, -scale, 0, -scale, 0};
}

FilterBank::FilterBank(ParameterStore& store, const PriorOptions& options)
    : store_(&store), filters_(options.filters), fixed_norms_(options.fixed_filter_norms) {
    require(options.filters > 0, "[filters] their number must be positive");
    index_ = store.add("filters", {options.filters, side, side}, ParameterGroup::filters,
                       Initialiser::normal(options.filter_deviation, laplacian(options.laplacian_scale)));
}

std::vector<double> FilterBank::norms() const {
    std::vector<double> out;
    for (int f = 0; f < filters_; ++f) {
        const Tensor filter = weights().view(f * taps, {taps});
        dispatch(filter.dtype(), [&]<class T>() {
            out.push_back(std::sqrt(kernels::cpu::squared_norm<T>(taps, filter.data<T>())));
        });
    }
    return out;
}

const std::vector<double>& FilterBank::reference_norms() {
    if (reference_norms_.empty()) reference_norms_ = norms();
    return reference_norms_;
}

void FilterBank::constrain() {
    if (!fixed_norms_) return;
    require(reference_norms_.size() == static_cast<std::size_t>(filters_),
            "[filters] constrain() needs the initial norms: call reference_norms() before the first "
            "optimiser step");
    const std::vector<double> present = norms();
    for (int f = 0; f < filters_; ++f) {
        const Tensor filter = weights().view(f * taps, {taps});
        const std::size_t i = static_cast<std::size_t>(f);
        if (present[i] == 0.0) continue;
        dispatch(filter.dtype(), [&]<class T>() {
            kernels::cpu::scale<T>(taps, reference_norms_[i] / present[i], filter.data<T>(),
                                   filter.data<T>());
        });
    }
}

}  // namespace dnsp
