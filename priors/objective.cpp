#include "priors/objective.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

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
        priors_.push_back({{name, weight(options)}, make_prior(name, context_)});
    for (const auto& [name, weight] : options.extra_terms)
        priors_.push_back({{name, weight}, make_prior(name, context_)});
    uses_measure_ = variant.filter_measure;
}

void Objective::set_patches(const SharpAndSmooth& patches) {
    measure_ =
        std::make_unique<FilterMeasure>(patches, context_.filter_bank().weights().shape()[1],
                                        options_.priors.border, context_.filter_bank().weights().device());
}

Objective::Evaluation Objective::evaluate(Tape& tape, const Tensor& output, const Tensor& target) const {
    require(!uses_measure_ || measure_, "[objective] the filter measure needs set_patches() first");
    std::vector<WeightedTerm> sum{{squared_error(output, target, options_.reduction), 1.0}};
    for (const auto& [term, prior] : priors_) sum.push_back({prior->evaluate(output), term.weight});
    if (uses_measure_) sum.push_back({measure_->evaluate(context_.filters->weights()), options_.gamma});
    const auto figures = static_cast<std::int64_t>(2 * sum.size() + 1);
    Evaluation evaluation;
    evaluation.scalars = Tensor::empty({figures}, DType::float64, output.device());
    evaluation.loss = weighted_sum(tape, sum, evaluation.scalars);
    return evaluation;
}

std::vector<Objective::Term> Objective::terms() const {
    std::vector<Term> all{{"data", 1.0}};
    for (const auto& [term, prior] : priors_) all.push_back(term);
    if (uses_measure_) all.push_back({"filter_measure", options_.gamma});
    return all;
}

Objective::Report Objective::report(std::span<const double> scalars) const {
    const std::vector<Term> all = terms();
    require(scalars.size() == 2 * all.size() + 1, "[objective] a report needs the scalars of an evaluation");
    Report report{scalars.back(), {}};
    for (std::size_t i = 0; i < all.size(); ++i)
        report.terms.push_back(
            {all[i].name, all[i].weight, scalars[i], std::abs(all[i].weight) * scalars[all.size() + i]});
    return report;
}

}  // namespace dnsp
