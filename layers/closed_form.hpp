#pragma once

#include <vector>

#include "engine/tape.hpp"

namespace dnsp {

/// An input of a scalar function and the gradient with respect to it, already computed.
struct InputGradient {
    Tensor input;
    Tensor gradient;
};

/// For scalar functions whose gradient is known in closed form: returns the value as a float64 scalar [1]
/// whose backward step multiplies the given gradients by the incoming cotangent. `value` is such a scalar, on
/// the inputs' device.
Tensor record_closed_form(Tape& tape, const Tensor& value, std::vector<InputGradient> gradients);

/// Σ weightᵢ · scalarᵢ of float64 scalars [1]: the total loss, paper Eq. (10). `figures` (float64, longer
/// than there are terms) begins with the scalars' values from then on and ends with the sum, which the result
/// is a view of.
struct WeightedScalar {
    Tensor scalar;
    double weight = 1.0;
};
Tensor weighted_sum(Tape& tape, const std::vector<WeightedScalar>& terms, const Tensor& figures);

}  // namespace dnsp
