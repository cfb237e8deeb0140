#include "priors/objective.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "kernels/elementwise.hpp"
#include "layers/closed_form.hpp"
#include "priors/filter_bank.hpp"

namespace dnsp {
namespace {

/// Which registered priors a variant has, and by which of α, β, τ they are weighted.
struct Variant {
    std::vector<std::pair<std::string, double (*)(const ObjectiveOptions&)>> terms;
    bool filter_measure = false;
};

const std::map<std::string, Variant>& variant_table() {
    static const auto alpha = [](const ObjectiveOptions& o) { return o.alpha; };
    static const auto minus_beta = [](const ObjectiveOptions& o) { return -o.beta; };
    static const auto tau = [](const ObjectiveOptions& o) { return o.tau; };
    static const std::map<std::string, Variant> table{
        {"NP", {{}, false}},
        {"LR", {{{"low_rank", alpha}}, false}},
        {"FS", {{{"sharpness", minus_beta}}, false}},
        {"LS", {{{"learned_sharpness", minus_beta}}, true}},
        {"AP", {{{"low_rank", alpha}, {"learned_sharpness", minus_beta}}, true}},
        {"TVLR", {{{"low_rank", alpha}, {"total_variation", tau}}, false}},
    };
    return table;
}

double norm(const Tensor& tensor) {
    return dispatch(tensor.dtype(), [&]<class T>() {
        return std::sqrt(kernels::cpu::squared_norm<T>(tensor.elements(), tensor.data<T>()));
    });
}

/// ‖∂data/∂Y‖_F, which follows from the value: data = ½ ‖Y − Yg‖²/divisor.
double data_gradient_norm(double value, const Tensor& output, Reduction reduction) {
    const auto divisor =
        static_cast<double>(reduction == Reduction::mean ? output.elements() : output.shape()[0]);
    return std::sqrt(2.0 * value / divisor);
}

}  // namespace

std::vector<std::string> variants() {
    std::vector<std::string> names;
    for (const auto& [name, variant] : variant_table()) names.push_back(name);
    return names;
}

void require_variant(const std::string& variant) {
    if (variant_table().contains(variant)) return;
    throw Error(fmt::format("[objective] unknown variant '{}', expected one of: {}", variant,
                            fmt::join(variants(), ", ")));
}

Objective::Objective(const ObjectiveOptions& options, ParameterStore& store) : options_(options) {
    require_variant(options.variant);
    context_.options = options.priors;
    context_.store = &store;
    const Variant& variant = variant_table().at(options.variant);
    for (const auto& [name, weight] : variant.terms)
        terms_.push_back({name, weight(options), make_prior(name, context_)});
    for (const auto& [name, weight] : options.extra_terms)
        terms_.push_back({name, weight, make_prior(name, context_)});
    uses_measure_ = variant.filter_measure;
}

void Objective::set_patches(const SharpAndSmooth& patches) {
    measure_ = std::make_unique<FilterMeasure>(patches, context_.filter_bank().weights().shape()[1],
                                               options_.priors.border);
}

Objective::Evaluation Objective::evaluate(Tape& tape, const Tensor& output, const Tensor& target) const {
    require(!uses_measure_ || measure_, "[objective] the filter measure needs set_patches() first");
    Evaluation evaluation;
    std::vector<WeightedScalar> sum;
    auto add = [&](const std::string& name, double weight, const Tensor& value, double gradient_norm) {
        sum.push_back({value, weight});
        evaluation.terms.push_back({name, weight, value.item(), gradient_norm});
    };

    const Tensor data = squared_error(tape, output, target, options_.reduction);
    add("data", 1.0, data, data_gradient_norm(data.item(), output, options_.reduction));
    for (const auto& [name, weight, prior] : terms_) {
        const PriorTerm term = prior->evaluate(tape, output);
        add(name, weight, term.value, std::abs(weight) * norm(term.gradient));
    }
    if (uses_measure_) {
        const PriorTerm term = measure_->evaluate(tape, context_.filters->weights());
        add("filter_measure", options_.gamma, term.value, std::abs(options_.gamma) * norm(term.gradient));
    }
    evaluation.loss = weighted_sum(tape, sum);
    return evaluation;
}

}  // namespace dnsp
