#pragma once

#include <vector>

#include "engine/tape.hpp"

namespace dnsp {

/// An input of a scalar function and the gradient with respect to it, without the factor TermValue::scale.
struct InputGradient {
    Tensor input;
    Tensor gradient;  ///< of the shape and type of input
};

/// A scalar function of tensors, evaluated together with its gradients:
///   value = scale · Σ values,   ∂value/∂input = scale · gradient
/// Keeping 1/batch as a factor avoids a pass that scales each array.
struct TermValue {
    Tensor values;  ///< float64, on the inputs' device
    double scale = 1.0;
    std::vector<InputGradient> gradients;  ///< at least one
};

/// A term of a loss.
struct WeightedTerm {
    TermValue term;
    double weight = 1.0;
};

/// The total loss Σ weightᵢ · valueᵢ, paper Eq. (10), as a float64 scalar [1].
/// - The backward step gives each input the sum of its gradients from all terms, in one pass.
/// - `metrics`, [2 · terms + 1] of float64, is overwritten: the terms' values, the norms of the terms' first
///   gradients (both without the weights), the loss. The result is a view of the last element.
/// - All gradients have one dtype. At most 16 terms.
Tensor weighted_sum(Tape& tape, const std::vector<WeightedTerm>& terms, const Tensor& metrics);

/// The value of one function as a float64 scalar [1] on the tape.
Tensor value_of(Tape& tape, const TermValue& term);

}  // namespace dnsp
