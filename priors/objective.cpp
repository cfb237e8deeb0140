#include "priors/objective.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "priors/filter_bank.hpp"

namespace dnsp {
namespace {

/// Names and weights of the terms of each variant.
using Variant = std::vector<std::pair<std::string, double (*)(const ObjectiveOptions&)>>;

const std::map<std::string, Variant>& variant_table() {
    static const auto alpha = [](const ObjectiveOptions& o) { return o.alpha; };
    static const auto minus_beta = [](const ObjectiveOptions& o) { return -o.beta; };
    static const auto gamma = [](const ObjectiveOptions& o) { return o.gamma; };
    static const auto tau = [](const ObjectiveOptions& o) { return o.tau; };
    static const std::map<std::string, Variant> table{
        {"NP", {}},
        {"LR", {{"low_rank", alpha}}},
        {"FS", {{"sharpness", minus_beta}}},
        {"LS", {{"learned_sharpness", minus_beta}, {"filter_measure", gamma}}},
        {"AP", {{"low_rank", alpha}, {"learned_sharpness", minus_beta}, {"filter_measure", gamma}}},
        {"TVLR", {{"low_rank", alpha}, {"total_variation", tau}}},
    };
    return table;
}

}  // namespace

void ObjectiveOptions::visit(OptionVisitor& v) {
    const auto weight = [&](const char* key, const std::string& help, double& value) {
        v.option({.key = key, .flag = std::string("--") + key, .help = help, .group = "Priors"}, value);
    };
    v.option({.key = "variant",
              .flag = "--prior",
              .help = "variant of the paper",
              .group = "Priors",
              .choices = variants()},
             variant);
    weight("alpha", "weight of low rank R_δ", alpha);
    weight("beta", "weight of sharpness V or V_mod, which is subtracted", beta);
    weight("gamma", "weight of the filter measure S", gamma);
    weight("tau", "weight of total variation (TVLR)", tau);
    v.option({.key = "extra_terms",
              .flag = "--term",
              .help = "another loss term, name=weight: " + term_registry().help(),
              .group = "Priors"},
             extra_terms);
    v.option({.key = "reduction",
              .flag = "--reduction",
              .help = "the data term averages the pixels of a patch (mean), or sums them (sum, paper Eq. 1)",
              .group = "Priors"},
             reduction, {{"mean", Reduction::mean}, {"sum", Reduction::sum}});
    terms.visit(v);
}

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

void require_weights_used(const ObjectiveOptions& options) {
    require_variant(options.variant);
    const std::pair<const char*, double ObjectiveOptions::*> weights[] = {
        {"--alpha", &ObjectiveOptions::alpha},
        {"--beta", &ObjectiveOptions::beta},
        {"--gamma", &ObjectiveOptions::gamma},
        {"--tau", &ObjectiveOptions::tau}};
    for (const auto& [flag, weight] : weights) {
        ObjectiveOptions changed = options;
        changed.*weight += 1.0;
        const bool used = std::ranges::any_of(variant_table().at(options.variant), [&](const auto& term) {
            return term.second(changed) != term.second(options);
        });
        require(used || options.*weight == ObjectiveOptions{}.*weight,
                fmt::format("{} has no effect with --prior {}", flag, options.variant));
    }
}

Objective::Objective(const ObjectiveOptions& options, ParameterStore& store)
    : options_(options), context_(options_.terms, store) {
    require_variant(options.variant);
    for (const auto& [name, weight] : variant_table().at(options.variant)) add(name, weight(options));
    for (const auto& [name, weight] : options.extra_terms) add(name, weight);
}

void Objective::add(const std::string& name, double weight) {
    for (const auto& [term, function] : terms_)
        require(term.name != name,
                fmt::format("[objective] the variant {} has the term '{}' already", options_.variant, name));
    auto function = term_registry().make(name, context_);
    const bool reads_images = function->reads_images();
    terms_.push_back({{name, weight, reads_images}, std::move(function)});
}

bool Objective::needs_patches() const {
    return std::ranges::any_of(terms_, [](const auto& term) { return term.function->needs_patches(); });
}

void Objective::prepare(const SharpAndSmooth& patches) {
    for (const auto& [term, function] : terms_)
        if (function->needs_patches()) function->prepare(patches);
}

Objective::Evaluation Objective::evaluate(Tape& tape, const StepImages& images) const {
    std::vector<WeightedTerm> sum{{squared_error(images.output, images.target, options_.reduction), 1.0}};
    for (const auto& [term, function] : terms_) sum.push_back({function->evaluate(images), term.weight});
    const auto metrics = static_cast<std::int64_t>(2 * sum.size() + 1);
    Evaluation evaluation;
    evaluation.metrics = Tensor::empty({metrics}, DType::float64, images.output.device());
    evaluation.loss = weighted_sum(tape, sum, evaluation.metrics);
    return evaluation;
}

std::vector<Objective::Term> Objective::terms() const {
    std::vector<Term> all{{"data", 1.0}};
    for (const auto& [term, function] : terms_) all.push_back(term);
    return all;
}

Objective::Report Objective::report(std::span<const double> metrics) const {
    const std::vector<Term> all = terms();
    require(metrics.size() == 2 * all.size() + 1, "[objective] a report needs the metrics of an evaluation");
    Report report{metrics.back(), {}};
    for (std::size_t i = 0; i < all.size(); ++i)
        report.terms.push_back(
            {all[i].name, all[i].weight, metrics[i], std::abs(all[i].weight) * metrics[all.size() + i]});
    return report;
}

}  // namespace dnsp
