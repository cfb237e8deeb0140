#include "priors/objective.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "engine/on_device.hpp"
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

void write_norm(const Tensor& tensor, const Tensor& result) {
    dispatch(tensor.dtype(), [&]<class T>() {
        on(tensor.device(), kernels::cpu::norm<T>, kernels::cuda::norm<T>)(
            tensor.elements(), tensor.data<T>(), result.data<double>());
    });
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
    measure_ =
        std::make_unique<FilterMeasure>(patches, context_.filter_bank().weights().shape()[1],
                                        options_.priors.border, context_.filter_bank().weights().device());
}

Objective::Evaluation Objective::evaluate(Tape& tape, const Tensor& output, const Tensor& target) const {
    require(!uses_measure_ || measure_, "[objective] the filter measure needs set_patches() first");
    Evaluation evaluation;
    const std::int64_t count = 1 + static_cast<std::int64_t>(terms_.size()) + (uses_measure_ ? 1 : 0);
    evaluation.scalars = Tensor::empty({2 * count + 1}, DType::float64, output.device());
    std::vector<WeightedScalar> sum;
    auto add = [&](const std::string& name, double weight, const Tensor& value) {
        const std::int64_t first = 2 * static_cast<std::int64_t>(sum.size());
        sum.push_back({value, weight});
        evaluation.terms.push_back({name, weight, std::abs(weight)});
        evaluation.scalars.view(first, {1}).copy_from(value.view(0, {1}));
        return evaluation.scalars.view(first + 1, {1});
    };

    const Tensor data = squared_error(tape, output, target, options_.reduction);
    // ‖∂data/∂Y‖_F follows from the value, ½ ‖Y − Yg‖² / divisor; report() takes the root.
    add("data", 1.0, data).copy_from(data.view(0, {1}));
    evaluation.terms.front().gradient_scale =
        2.0 /
        static_cast<double>(options_.reduction == Reduction::mean ? output.elements() : output.shape()[0]);
    for (const auto& [name, weight, prior] : terms_) {
        const PriorTerm term = prior->evaluate(tape, output);
        write_norm(term.gradient, add(name, weight, term.value));
    }
    if (uses_measure_) {
        const PriorTerm term = measure_->evaluate(tape, context_.filters->weights());
        write_norm(term.gradient, add("filter_measure", options_.gamma, term.value));
    }
    evaluation.loss = weighted_sum(tape, sum);
    evaluation.scalars.view(2 * count, {1}).copy_from(evaluation.loss.view(0, {1}));
    return evaluation;
}

Objective::Evaluation::Report Objective::Evaluation::report() const {
    const std::vector<double> numbers = scalars.to_vector<double>();
    Report report{numbers.back(), {}};
    for (std::size_t i = 0; i < terms.size(); ++i) {
        const double scaled = terms[i].gradient_scale * numbers[2 * i + 1];
        report.terms.push_back(
            {terms[i].name, terms[i].weight, numbers[2 * i], i == 0 ? std::sqrt(scaled) : scaled});
    }
    return report;
}

}  // namespace dnsp
