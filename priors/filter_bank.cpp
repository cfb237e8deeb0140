#include "priors/filter_bank.hpp"

#include <string>

#include "engine/kernel_for.hpp"
#include "kernels/filter_norms.hpp"

namespace dnsp {

constexpr std::int64_t side = 3;
constexpr std::int64_t taps = side * side;

std::vector<double> laplacian(double scale) {
    return {0, -scale, 0, -scale, 4 * scale, -scale, 0, -scale, 0};
}

void FilterOptions::visit(OptionVisitor& v) {
    const std::string group = "Priors";
    v.option({.key = "border",
              .flag = "--border",
              .help = "filter responses inside the image only (valid), or with zeros around it (zero)",
              .group = group},
             border, {{"valid", Border::valid}, {"zero", Border::zero}});
    v.option({.key = "laplacian_scale",
              .flag = "--laplacian-scale",
              .help = "factor of the Laplacian L; 0.25: paper Eq. (20), 1: as drawn in the paper",
              .group = group},
             laplacian_scale);
    v.option({.key = "filters",
              .flag = "--filters",
              .help = "number of learned filters",
              .group = group,
              .range = Range::positive},
             filters);
    v.option({.key = "filter_deviation",
              .flag = "--filter-deviation",
              .help = "standard deviation of the initial learned filters around the Laplacian",
              .group = group,
              .range = Range::non_negative},
             deviation);
    v.option({.key = "fixed_filter_norms",
              .flag = "--filter-constraint",
              .help = "each filter keeps its initial norm (norm), or is free (none, the paper's form)",
              .group = group,
              .choices = {"none", "norm"}},
             fixed_norms);
}

FilterBank::FilterBank(ParameterStore& store, const FilterOptions& options)
    : store_(&store), filters_(options.filters), fixed_norms_(options.fixed_norms) {
    require(options.filters > 0, "[filters] the number of filters must be positive");
    index_ = store.add("filters", {options.filters, side, side}, ParameterGroup::filters,
                       Initialiser::normal(options.deviation, laplacian(options.laplacian_scale)));
}

void FilterBank::write_norms(const Tensor& norms) const {
    dispatch(weights().dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(norms.device(), filter_norms<T>)
        (filters_, taps, weights().data<T>(), norms.data<double>());
    });
}

std::vector<double> FilterBank::norms() const {
    const Tensor norms = Tensor::empty({filters_}, DType::float64, weights().device());
    write_norms(norms);
    return norms.to_vector<double>();
}

const std::vector<double>& FilterBank::reference_norms() {
    if (reference_norms_.empty()) set_reference_norms(norms());
    return reference_norms_;
}

void FilterBank::set_reference_norms(std::vector<double> norms) {
    require(norms.size() == static_cast<std::size_t>(filters_),
            "[filters] expected " + std::to_string(filters_) + " reference norms, got " +
                std::to_string(norms.size()));
    reference_norms_ = std::move(norms);
    reference_norms_on_device_ = Tensor::from<double>({filters_}, reference_norms_, weights().device());
}

void FilterBank::constrain() {
    if (!fixed_norms_) return;
    require(reference_norms_on_device_.defined(),
            "[filters] constrain() needs the initial norms: call reference_norms() before the first "
            "optimiser step");
    dispatch(weights().dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(weights().device(), rescale_filters<T>)
        (filters_, taps, reference_norms_on_device_.data<double>(), weights().data<T>());
    });
}

}  // namespace dnsp
