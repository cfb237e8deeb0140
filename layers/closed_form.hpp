#pragma once

#include <vector>

#include "engine/tape.hpp"

namespace dnsp {

/// An input of a scalar function and the gradient with respect to it, but for the function's scale.
struct InputGradient {
    Tensor input;
    Tensor gradient;
};

/// A scalar function of tensors, evaluated together with its gradients, which are known in closed form:
///   value = scale · Σ values,   ∂value/∂input = scale · gradient
/// What a batch is divided by stays a factor until terms are added up: that spares a pass over each array.
struct ClosedForm {
    Tensor values;  ///< float64, on the inputs' device
    double scale = 1.0;
    std::vector<InputGradient> gradients;  ///< at least one
};

/// A term of a loss.
struct WeightedTerm {
    ClosedForm function;
    double weight = 1.0;
};

/// Σ weightᵢ · valueᵢ: the total loss, paper Eq. (10), as a float64 scalar [1]. The backward step gives each
/// input the sum of all that the terms have for it, in one pass. `figures` ([2 · terms + 1], float64) becomes
/// the terms' values, the norms of their first gradients, both unweighted, and the sum, which the result is a
/// view of. All gradients have one dtype.
Tensor weighted_sum(Tape& tape, const std::vector<WeightedTerm>& terms, const Tensor& figures);

/// The value of one function as a float64 scalar [1] on the tape.
Tensor value_of(Tape& tape, const ClosedForm& function);

}  // namespace dnsp
