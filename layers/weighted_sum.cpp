#include "layers/weighted_sum.hpp"

#include <algorithm>

#include "engine/kernel_for.hpp"
#include "kernels/weighted_sum.hpp"

namespace dnsp {
namespace {

using kernels::Summand, kernels::Term, kernels::UpTo16;

template <class T>
UpTo16<Term<T>> as_arguments(const std::vector<WeightedTerm>& terms) {
    UpTo16<Term<T>> arguments;
    for (const auto& [term, weight] : terms) {
        const Tensor &values = term.values, &gradient = term.gradients.front().gradient;
        arguments.item[static_cast<std::size_t>(arguments.count++)] = {
            values.data<double>(), values.elements(), gradient.data<T>(),
            gradient.elements(),   term.scale,        weight};
    }
    return arguments;
}

/// The gradients of several terms with respect to one input.
struct Contribution {
    Tensor input;
    std::vector<std::pair<Tensor, double>> gradients;  ///< gradient and factor
};

std::vector<Contribution> by_input(const std::vector<WeightedTerm>& terms) {
    std::vector<Contribution> contributions;
    for (const auto& [term, weight] : terms)
        for (const auto& [input, gradient] : term.gradients) {
            if (!input.requires_gradient()) continue;
            const auto same = [&slot = input.gradient_slot()](const Contribution& c) {
                return c.input.gradient_slot() == slot;
            };
            auto found = std::find_if(contributions.begin(), contributions.end(), same);
            if (found == contributions.end()) found = contributions.insert(found, {input, {}});
            found->gradients.emplace_back(gradient, weight * term.scale);
            require(found->gradients.size() <= UpTo16<Summand<float>>::max_count,
                    "[weighted_sum] too many gradients for one input");
        }
    return contributions;
}

template <class T>
UpTo16<Summand<T>> as_arguments(const Contribution& contribution) {
    UpTo16<Summand<T>> arguments;
    for (const auto& entry : contribution.gradients)
        arguments.item[static_cast<std::size_t>(arguments.count++)] = {entry.first.data<T>(), entry.second};
    return arguments;
}

void contribute(const Contribution& contribution, const Tensor& cotangent) {
    accumulate_gradient(contribution.input,
                        [&](const Tensor& target, const Tensor& relu_output, const Tensor& accumulated) {
                            dispatch(target.dtype(), [&]<class T>() {
                                DNSP_KERNEL_FOR(target.device(), sum_of_arrays<T>)
                                (target.elements(), cotangent.data<double>(), as_arguments<T>(contribution),
                                 accumulated.defined() ? accumulated.data<T>() : nullptr, target.data<T>());
                            });
                            if (relu_output.defined()) mask_gradient(target, relu_output);
                        });
}

}  // namespace

Tensor weighted_sum(Tape& tape, const std::vector<WeightedTerm>& terms, const Tensor& metrics) {
    const auto count = static_cast<std::int64_t>(terms.size());
    constexpr std::int64_t most = UpTo16<Term<float>>::max_count;
    require(count >= 1 && count <= most,
            "[weighted_sum] expects 1 to " + std::to_string(most) + " terms, got " + std::to_string(count));
    require(metrics.elements() == 2 * count + 1, "[weighted_sum] metrics of shape " + metrics.shape().text() +
                                                     " for " + std::to_string(count) + " terms");
    for (const auto& [term, weight] : terms) {
        require(!term.gradients.empty(), "[weighted_sum] a term has no gradient");
        require_one_device("weighted_sum", metrics, term.values);
    }
    Tensor output = metrics.view(2 * count, {1});
    dispatch(terms.front().term.gradients.front().gradient.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(metrics.device(), weighted_sum<T>)(as_arguments<T>(terms), metrics.data<double>());
    });
    if (!tape.recording()) return output;
    std::vector<Contribution> contributions = by_input(terms);
    if (contributions.empty()) return output;
    tape.record(output, [contributions = std::move(contributions)](const Tensor& cotangent) {
        for (const Contribution& contribution : contributions) contribute(contribution, cotangent);
    });
    return output;
}

Tensor value_of(Tape& tape, const TermValue& term) {
    return weighted_sum(tape, {{term, 1.0}}, Tensor::empty({3}, DType::float64, term.values.device()));
}

}  // namespace dnsp
