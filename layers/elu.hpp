#pragma once

#include "engine/tape.hpp"

namespace dnsp {

/// Exponential linear unit (Clevert et al. 2016), any shape: input > 0 ? input : exp(input) − 1.
Tensor elu(Tape& tape, const Tensor& input);

}  // namespace dnsp
