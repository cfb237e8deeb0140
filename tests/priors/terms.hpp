#pragma once

#include "priors/loss_term.hpp"
#include "tests/gradient_check.hpp"

namespace dnsp::testing {

/// A registered term as a function of output and target. Each call makes a term. `set` changes options.
inline Function registered_term(
    const std::string& name, const std::function<void(OptionSet&)>& set = [](OptionSet&) {}) {
    return [=](Tape& tape, const std::vector<Tensor>& x) {
        OptionSet options = term_registry().default_options();
        set(options);
        ParameterStore store;
        TermContext context(options, store);
        const auto term = term_registry().make(name, context);
        return value_of(tape, term->evaluate({x[0], x[1], x[1]}));
    };
}

/// Output and target, [batch, height, width, 1] of uniform numbers in [0, 1]; the target is a constant.
inline std::vector<Input> output_and_target(const Shape& shape, std::uint64_t seed = 1) {
    std::vector<Input> pair{random_input(shape, seed, 0, 1), random_input(shape, seed + 1, 0, 1)};
    pair[1].constant = true;
    return pair;
}

}  // namespace dnsp::testing
